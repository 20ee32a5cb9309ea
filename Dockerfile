# The engine as an image. glibc is needed by the embedded ClickHouse engine, so no Alpine.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /opt/paceline
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY bin ./bin
COPY config ./config
COPY schemas ./schemas
COPY src ./src

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/paceline
COPY --from=build /opt/paceline /opt/paceline
RUN install -d -o node -g node /var/lib/paceline
USER node
VOLUME /var/lib/paceline
EXPOSE 8686
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8686/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node runs the sources by stripping their types: there is no build step whose output could differ.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=8", "src/main.ts"]
CMD ["run", "--data", "/var/lib/paceline"]
