"""The stage outcome: records what training gave and compares it with the forecast made before."""
