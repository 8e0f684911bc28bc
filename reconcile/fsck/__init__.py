"""The promises that `fleet_fsck` checks."""
