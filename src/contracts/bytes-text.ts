import { countText } from './count-text.ts'

/** Formats a number of bytes for people: `5.1 kB`. */
export function bytesText(bytes: number): string {
  const [size, unit] =
    bytes < 1e6 ? ([1e3, 'kB'] as const) : bytes < 1e9 ? ([1e6, 'MB'] as const) : ([1e9, 'GB'] as const)
  return `${countText(bytes / size, 1)} ${unit}`
}
