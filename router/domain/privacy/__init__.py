"""Personal data: what the router masks in what it stores."""
