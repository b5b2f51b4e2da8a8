"""The version of Onward, defined here only: the OpenAPI document and `hello` on live streams contain it."""

VERSION = "0.1.0"
