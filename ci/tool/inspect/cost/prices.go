package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// gb is the gigabyte of the bill, in bytes. ECR bills TimedStorage-ByteHrs, as S3
// does, whose FAQ divides byte-hours by 1,073,741,824 to get GB.
// https://aws.amazon.com/s3/faqs/ (Billing, "How will I be charged")
const gb = 1 << 30

// Price is that of storage in a registry.
type Price struct {
	// PerGBMonth is in dollars for a GB of 2^30 bytes.
	PerGBMonth float64 `json:"perGBMonth"`
	// FreeGB is what costs nothing, of all repositories of an account together. The
	// free tier of new accounts is none of it: it ends after a year.
	FreeGB float64 `json:"freeGB"`
}

// Prices are what ECR charges for storage, and when that was so.
type Prices struct {
	Date    string `json:"date"`
	Source  string `json:"source"`
	Region  string `json:"region"`
	Private Price  `json:"private"`
	Public  Price  `json:"public"`
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

// month returns what bytes cost for a month, in dollars.
func (p Price) month(bytes int64) float64 {
	return max(0, float64(bytes)/gb-p.FreeGB) * p.PerGBMonth
}
