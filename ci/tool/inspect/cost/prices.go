package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// gb is the size in bytes of a gigabyte in the bill. ECR bills TimedStorage-ByteHrs, like
// S3, whose FAQ divides byte-hours by 1,073,741,824 to get GB.
// https://aws.amazon.com/s3/faqs/ (Billing, "How will I be charged")
const gb = 1 << 30

// Price is the price of storage in a registry.
type Price struct {
	// PerGBMonth is in dollars for a GB of 2^30 bytes.
	PerGBMonth float64 `json:"perGBMonth"`
	// FreeGB is free for all repositories of an account together. It does not include the
	// free tier of new accounts, which ends after a year.
	FreeGB float64 `json:"freeGB"`
}

// Archive is the price of the archive storage class of private repositories.
type Archive struct {
	// PerGBMonth is that of the first 150 TB of an account; above, it is 0.07.
	PerGBMonth float64 `json:"perGBMonth"`
	// PerGBRestored is for a GB that is moved back.
	PerGBRestored float64 `json:"perGBRestored"`
	// MinimumDays are charged for an image, also if it goes earlier.
	MinimumDays int `json:"minimumDays"`
}

// Prices are the prices of ECR for storage on a date.
type Prices struct {
	Date    string  `json:"date"`
	Source  string  `json:"source"`
	Region  string  `json:"region"`
	Private Price   `json:"private"`
	Public  Price   `json:"public"`
	Archive Archive `json:"archive"`
}

//go:embed prices.json
var prices []byte

// ReadPrices returns the prices that the program carries, from prices.json.
func ReadPrices() (Prices, error) {
	var p Prices
	if err := json.Unmarshal(prices, &p); err != nil {
		return Prices{}, fmt.Errorf("read the prices: %w", err)
	}
	return p, nil
}

// month returns the price of so many bytes for a month, in dollars.
func (p Price) month(bytes int64) float64 {
	return max(0, float64(bytes)/gb-p.FreeGB) * p.PerGBMonth
}
