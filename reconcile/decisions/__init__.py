"""What an operator decides about drift and conflicts, previewed and then done."""
