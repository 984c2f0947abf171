import code from 'maplibre-gl/dist/maplibre-gl-worker.mjs?raw'

/** The address of MapLibre's worker in a report, which is one file. */
export function workerAddress(): string {
  return URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
}
