"""What commands print, and the codes that they exit with."""
