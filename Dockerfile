# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/tenon ./cmd/tenon \
 && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/tenon /usr/local/bin/tenon
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8484
# Reads listen address and bounds from the same configuration as the service.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["/usr/local/bin/tenon", "healthcheck", "--config", "/etc/tenon/tenon.yaml"]
ENTRYPOINT ["/usr/local/bin/tenon"]
CMD ["serve", "--config", "/etc/tenon/tenon.yaml"]
