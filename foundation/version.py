"""The version of Onward, stated here once: the OpenAPI document and `hello` on live streams carry it."""

VERSION = "0.1.0"
