"""DER and BER, read strictly."""
