import address from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'

/** The address of MapLibre's worker. A report, which is one file, has another module in this one's place. */
export function workerAddress(): string {
  return new URL(address, import.meta.url).href
}
