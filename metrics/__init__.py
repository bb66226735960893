"""Pure functions that measure retargeting; what cannot be measured is a ValueError saying why."""
