import { shellWord } from '@imagery/local-cloud/contract/shell-word'

/** Why a JSON file is not one object per line, and the command that makes it so. */
export interface JsonAdvice {
  /** A clause about the file. */
  what: string
  command: string
}

/** Files that programs for photos and maps export, by what their beginning holds. */
const EXPORTS: readonly { what: string; marks: readonly RegExp[]; filter: string; isObject?: true }[] = [
  {
    what: 'it is a Label Studio export, a JSON array of tasks',
    marks: [/^\s*\[/, /"data"\s*:\s*\{/, /"(?:annotations|predictions|completions)"\s*:/],
    filter: '.[] | {asset_id: (.id | tostring)} + .data',
  },
  {
    what: 'it is GeoJSON, one object with a list of features',
    marks: [/^\s*\{/, /"type"\s*:\s*"FeatureCollection"/],
    isObject: true,
    filter:
      '.features[] | .properties + {location: {longitude: .geometry.coordinates[0], latitude: .geometry.coordinates[1]}}',
  },
  {
    what: 'it is a COCO file, one object with a list of images',
    marks: [/^\s*\{/, /"images"\s*:\s*\[/, /"(?:annotations|categories|licenses|info)"\s*:/],
    isObject: true,
    filter: '.images[]',
  },
  { what: 'it is a JSON array', marks: [/^\s*\[/], filter: '.[]' },
  { what: 'its objects span several lines', marks: [/^\s*\{\s*\n/], filter: '.' },
]

/** How much of a file is searched. */
const HEAD_LETTERS = 64 * 1024

/** Recognizes a JSON file that is not one object per line, by its beginning. */
export function otherJson(beginning: string, file: string): JsonAdvice | undefined {
  const head = beginning.slice(0, HEAD_LETTERS)
  // In a file of lines, an object begins at the start of the second line too.
  const isOneObject = !/\n\{/.test(head)
  const found = EXPORTS.find(
    ({ marks, isObject = false }) => (isOneObject || !isObject) && marks.every((mark) => mark.test(head)),
  )
  return found && { what: found.what, command: `jq -c '${found.filter}' ${shellWord(file)} > rows.jsonl` }
}
