"""The five-minute tour: an invented publisher, its reports, and what Tillroll makes of them."""
