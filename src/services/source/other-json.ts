import { shellWord } from '@imagery/local-cloud/contract/shell-word'

/** Why a JSON file is not one object per line, and the command that makes it so. */
export interface JsonAdvice {
  /** A clause about the file. */
  what: string
  command: string
}

/** The command that writes what a filter of jq makes of a file. */
export const jqCommand = (filter: string, file: string): string =>
  `jq -c '${filter.replaceAll("'", String.raw`'\''`)}' ${shellWord(file)} > rows.jsonl`

const jq =
  (filter: string) =>
  (file: string): string =>
    jqCommand(filter, file)

/** A number with more digits than jq keeps before version 1.7 (https://github.com/jqlang/jq/releases/tag/jq-1.7). */
const LONG_NUMBER = /[:[,]\s*-?\d{17}/

/** Adds a note to a command with jq where an old version of it would change IDs, so that two could become one. */
export function notedForDigits(command: string, text: string): string {
  return LONG_NUMBER.test(text) ? `${command}   (with jq 1.7 or newer: older ones round long numbers)` : command
}

/** For a list without its brackets, without the last one, or with a comma after the last row: jq takes none of these. */
export const withBrackets = (file: string): string =>
  `perl -0777 -pe 's/,?\\s*\\]?\\s*$/]/; s/^(\\xEF\\xBB\\xBF)?\\s*\\[?/[/' ${shellWord(file)} | jq -c '.[]' > rows.jsonl`

/** Python's own notation: single quotes, None and True. */
const fromPython = (file: string): string =>
  `python3 -c 'import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin if line.strip()]' < ${shellWord(file)} > rows.jsonl`

/** Files that programs for photos and maps export, by what their beginning holds. */
const EXPORTS: readonly {
  what: string
  marks: readonly RegExp[]
  command: (file: string) => string
  isObject?: true
}[] = [
  {
    what: 'it is a Label Studio export, a JSON array of tasks',
    marks: [/^\s*\[/, /"data"\s*:\s*\{/, /"(?:annotations|predictions|completions)"\s*:/],
    command: jq('.[] | {asset_id: (.id | tostring)} + .data'),
  },
  {
    what: 'it is GeoJSON, one object with a list of features',
    marks: [/^\s*\{/, /"type"\s*:\s*"FeatureCollection"/],
    isObject: true,
    // A feature's own members stay, such as its `id`, and the `assets` of a catalog of images.
    command: jq(
      '.features[] | del(.type, .geometry, .properties) + .properties + {location: {longitude: .geometry.coordinates[0], latitude: .geometry.coordinates[1]}}',
    ),
  },
  {
    what: 'it is a COCO file, one object with a list of images',
    marks: [/^\s*\{/, /"images"\s*:\s*\[/, /"(?:annotations|categories|licenses|info)"\s*:/],
    isObject: true,
    command: jq('.images[]'),
  },
  {
    what: 'it is a JSON array of lists, without the names of columns',
    marks: [/^\s*\[\s*\[/],
    command: (file) =>
      `{ echo asset_id,image; jq -r '.[] | @csv' ${shellWord(file)}; } > rows.csv   (with the names of its columns in the first line)`,
  },
  { what: 'it is a JSON array', marks: [/^\s*\[/], command: jq('.[]') },
  {
    what: 'its objects span several lines, with commas between them',
    marks: [/^\s*\{\s*\n/, /^\}\s*,\s*(?:$|\{)/m],
    command: withBrackets,
  },
  { what: 'its objects span several lines', marks: [/^\s*\{\s*\n/], command: jq('.') },
  { what: 'its rows are written as Python writes them', marks: [/^\s*\{\s*(?:'|u')/], command: fromPython },
]

/** How much of a file is searched. */
const HEAD_LETTERS = 64 * 1024

/** An array that ends without its bracket, or with a comma before it. */
const UNFINISHED = /[^\]\s]\s*$|,\s*\]\s*$/

/**
 * Recognizes a JSON file that is not one object per line, by its beginning.
 *
 * @param isWhole whether the beginning is all of it
 */
export function otherJson(
  beginning: string,
  { file, isWhole }: { file: string; isWhole: boolean },
): JsonAdvice | undefined {
  const head = beginning.slice(0, HEAD_LETTERS)
  // In a file of lines, an object begins at the start of the second line too.
  const isOneObject = !/\n\{/.test(head)
  const found = EXPORTS.find(
    ({ marks, isObject = false }) => (isOneObject || !isObject) && marks.every((mark) => mark.test(head)),
  )
  if (!found) return undefined
  if (isWhole && /^\s*\[\s*\{/.test(head) && UNFINISHED.test(beginning))
    return { what: 'it is a JSON array that does not end as one', command: notedForDigits(withBrackets(file), head) }
  return { what: found.what, command: notedForDigits(found.command(file), head) }
}

/** Commands for a line that is no JSON object, the likeliest first. */
export function lineAdvice(text: string, line: number, file: string): string[] {
  const show = `sed -n ${line}p ${shellWord(file)} | jq -c .   (shows what is wrong)`
  const spanning = `${jq('.')(file)}   (if objects span several lines)`
  const withCommas = `${withBrackets(file)}   (if commas are between objects)`
  if (/^\s*\{.*:\s*(?:None|True|False)\s*[,}]/.test(text)) return [fromPython(file), show]
  return /\}\s*,\s*(?:\{|$)/.test(text) ? [show, withCommas, spanning] : [show, spanning, withCommas]
}

/** The command for lines that hold something else than an object. */
export function valueAdvice(value: unknown, line: number, file: string): string {
  if (Array.isArray(value)) return jq('.[]')(file)
  if (typeof value === 'string' && /^\s*\{/.test(value)) return jq('fromjson')(file)
  return `sed -n ${line}p ${shellWord(file)}`
}
