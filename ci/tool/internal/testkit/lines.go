package testkit

// Lines is a writer that hands over each text that is written, as soon as that is done.
type Lines chan string

func (l Lines) Write(text []byte) (int, error) {
	l <- string(text)
	return len(text), nil
}
