"""Files in /etc/wireguard and beside it: read strictly, written whole."""
