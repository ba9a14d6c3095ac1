// Package ecrstate holds what ECR says of repositories and images: which repositories were
// created, what its scan has found, and what it has signed. It asks nothing itself.
package ecrstate

import "time"

// Scan is what ECR has found in an image of a private repository.
type Scan struct {
	// Kind is basic or enhanced; "" if the image was not scanned, as where scanning is off.
	Kind string `json:"kind,omitempty"`
	// Status is that of AWS, such as COMPLETE or UNSUPPORTED_IMAGE.
	Status    string    `json:"status,omitempty"`
	Completed time.Time `json:"completed,omitzero"`
	// Severities counts the vulnerabilities.
	Severities map[string]int `json:"severities,omitempty"`
	// Unfixable are those of [Scan.Grave] of which the enhanced scan says that no fix exists.
	Unfixable int `json:"unfixable,omitempty"`
	// InUse is how many clusters of ECS and EKS run the image: ECR does not count functions.
	InUse int64 `json:"inUse,omitempty"`
}

// The severities because of which an image is built again.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
const (
	critical = "CRITICAL"
	high     = "HIGH"
)

// Known tells whether the scan says what is in the image.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
func (s Scan) Known() bool { return s.Status == "COMPLETE" || s.Status == "ACTIVE" }

// IsGrave tells whether an image with a vulnerability of the severity is built again.
func IsGrave(severity string) bool { return severity == critical || severity == high }

// Grave is how many critical and high vulnerabilities the image has.
func (s Scan) Grave() int { return s.Severities[critical] + s.Severities[high] }
