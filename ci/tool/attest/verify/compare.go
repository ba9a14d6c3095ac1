package verify

import (
	"cmp"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
)

// Compare returns the differences between the published and the rebuilt image, whose
// digests differ.
func Compare(published, rebuilt Side) ([]Difference, error) {
	var all []Difference
	if theirs, ours := published.Platform.String(), rebuilt.Platform.String(); theirs != ours {
		all = append(all, Difference{What: "configuration", Text: "platform: " + both(theirs, ours) + "; pass --platform " + theirs})
	}
	at := 0 // how many layers of the published image are below those of the kind
	for _, k := range image.AllKinds {
		theirs, ours := published.Of(k), rebuilt.Of(k)
		n := firstDifference(theirs, ours)
		if n < 0 {
			at += len(theirs)
			continue
		}
		sameFiles := n < len(theirs) && n < len(ours) && theirs[n].DiffID == ours[n].DiffID
		texts, err := why(k, published, rebuilt, sameFiles)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			all = append(all, Difference{Layer: at + n + 1, What: string(k), Text: text})
		}
		at += len(theirs)
	}
	if len(all) == 0 {
		for _, text := range settings(published.Labels, rebuilt.Labels, "label ") {
			all = append(all, Difference{What: "configuration", Text: text})
		}
	}
	if len(all) == 0 {
		all = append(all, Difference{What: "configuration", Text: "the layers and labels are the same, other settings differ"})
	}
	return all, nil
}

// firstDifference returns the first index at which the layers differ, or -1.
func firstDifference(a, b []composition.Layer) int {
	for n := range max(len(a), len(b)) {
		if n >= len(a) || n >= len(b) || a[n].Digest != b[n].Digest {
			return n
		}
	}
	return -1
}

// why returns the reasons why a layer differs. With sameFiles, only the compression differs.
func why(k image.Kind, published, rebuilt Side, sameFiles bool) ([]string, error) {
	switch k {
	case image.KindBase:
		return origin(base(published.Labels), base(rebuilt.Labels), sameFiles), nil
	case image.KindFFmpeg:
		return origin(published.Labels[image.LabelFFmpeg], rebuilt.Labels[image.LabelFFmpeg], sameFiles), nil
	case image.KindFiles:
		if sameFiles {
			return []string{otherCompression}, nil
		}
		return []string{"other files, or files with other content"}, nil
	default:
		if sameFiles {
			return []string{otherCompression}, nil
		}
		theirs, err := published.Program()
		if err != nil {
			return []string{err.Error()}, nil // a published image may hold anything
		}
		ours, err := rebuilt.Program()
		if err != nil {
			return nil, err
		}
		return Programs(theirs, ours), nil
	}
}

// base names the base image of an image.
func base(labels map[string]string) string {
	text := labels[image.LabelBaseName]
	if digest := labels[image.LabelBaseDigest]; digest != "" {
		text += "@" + digest
	}
	return text + " (" + labels[image.LabelPin] + ")"
}

const otherCompression = "the same files, compressed differently"

// origin compares what a layer was made from.
func origin(published, rebuilt string, sameFiles bool) []string {
	switch {
	case published != rebuilt:
		return []string{both(cmp.Or(published, "nothing"), cmp.Or(rebuilt, "nothing"))}
	case sameFiles:
		return []string{otherCompression}
	default:
		return []string{"different content, although both are from " + published}
	}
}

// Programs returns the differences between two binaries.
func Programs(published, rebuilt composition.Program) []string {
	switch {
	case published.SHA256 == rebuilt.SHA256:
		return []string{"the binary is the same, other files or their modes differ"}
	case published.Info == nil:
		return []string{"the published binary is not a Go program, or has no build information"}
	case rebuilt.Info == nil:
		return []string{"the rebuilt binary has no build information"}
	}
	a, b := published.Info, rebuilt.Info
	var all []string
	if a.GoVersion != b.GoVersion {
		all = append(all, "Go: "+both(a.GoVersion, b.GoVersion))
	}
	if a.Path != b.Path {
		all = append(all, "program: "+both(a.Path, b.Path))
	}
	all = append(all, settings(modules(a), modules(b), "module ")...)
	all = append(all, settings(buildSettings(a), buildSettings(b), "setting ")...)
	if len(all) == 0 {
		all = append(all, "the code differs; Go, modules and settings are the same")
	}
	return all
}

func modules(info *debug.BuildInfo) map[string]string {
	all := map[string]string{}
	for _, m := range info.Deps {
		version := m.Version
		if m.Replace != nil {
			version += " => " + m.Replace.Path + " " + m.Replace.Version
		}
		all[m.Path] = version
	}
	return all
}

func buildSettings(info *debug.BuildInfo) map[string]string {
	all := map[string]string{}
	for _, s := range info.Settings {
		all[s.Key] = s.Value
	}
	return all
}

// settings compares named values; the prefix says what they are.
func settings(published, rebuilt map[string]string, prefix string) []string {
	names := map[string]string{}
	maps.Copy(names, published)
	maps.Copy(names, rebuilt)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		theirs, has := published[name]
		ours, had := rebuilt[name]
		switch {
		case !has:
			theirs = "nothing"
		case !had:
			ours = "nothing"
		}
		if theirs != ours {
			all = append(all, prefix+name+": "+both(theirs, ours))
		}
	}
	return all
}

func both(published, rebuilt string) string {
	return fmt.Sprintf("published %s, rebuilt %s", published, rebuilt)
}
