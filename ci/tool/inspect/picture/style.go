package picture

// style has light colours, and dark ones for readers who prefer them. The picture has its
// own background, because a page may be dark although the reader prefers light. It uses
// no CSS variables, because some programs that draw SVG do not support them.
const style = `
text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2328 }
.title { font-size: 18px; font-weight: 600 }
.name { font-weight: 600 }
.muted { fill: #59636e }
.small { font-size: 12px }
.inside { fill: #ffffff }
.ground { fill: #ffffff; stroke: #d1d9e0 }
.rule { stroke: #d1d9e0 }
.line { stroke: #59636e; fill: none }
.tag { fill: none; stroke: #59636e }
.base { fill: #6e7781 }
.ffmpeg { fill: #0969da }
.binary { fill: #bc4c00 }
.older { fill: #f0b58d }
.documents { fill: #1a7f37 }
.other { fill: #8250df }
.cut { stroke: #ffffff; stroke-width: 1 }
.hatch { stroke: #ffffff; stroke-width: 1.5; stroke-opacity: 0.75 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.muted { fill: #9198a1 }
.inside { fill: #ffffff }
.ground { fill: #0d1117; stroke: #3d444d }
.rule { stroke: #3d444d }
.line { stroke: #9198a1 }
.tag { stroke: #9198a1 }
.base { fill: #656c76 }
.ffmpeg { fill: #1f6feb }
.binary { fill: #f0883e }
.older { fill: #7d4a22 }
.documents { fill: #3fb950 }
.other { fill: #a371f7 }
.cut { stroke: #0d1117 }
.hatch { stroke: #0d1117 }
}
`
