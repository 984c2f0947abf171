/** A model's text as a value, or the reason why it is not one. */
export type ParsedAnswer = { value: unknown; repaired: boolean } | { malformed: string }

/** A text that is one fenced block. Many models wrap valid JSON this way. */
const FENCED = /^```[a-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?```$/i

/**
 * Reads a model's JSON. Removes a fence around the whole text. Repairs other faults, such as trailing
 * commas, comments, surrounding prose, or single quotes, and marks the answer as repaired.
 */
export async function parseAnswer(text: string): Promise<ParsedAnswer> {
  const plain = text.trim()
  const body = FENCED.exec(plain)?.[1] ?? plain
  const asItStands = parsed(body)
  if (asItStands) return single(asItStands.value, false)
  const { jsonrepair } = await import('jsonrepair')
  const from = body.indexOf('{')
  const to = body.lastIndexOf('}')
  const object = from >= 0 && to > from ? body.slice(from, to + 1) : body
  try {
    return single(JSON.parse(jsonrepair(object)), true)
  } catch (error) {
    return { malformed: error instanceof Error ? error.message : String(error) }
  }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** An object in an array of one is the object. */
function single(value: unknown, repaired: boolean): ParsedAnswer {
  const [only, ...others] = Array.isArray(value) ? (value as unknown[]) : []
  const isWrapped = others.length === 0 && only !== null && typeof only === 'object' && !Array.isArray(only)
  return isWrapped ? { value: only, repaired: true } : { value, repaired }
}

/** The part of a text that is checked for a loop. */
const TAIL = 2_000

/** How often a piece must repeat at the end, and the minimum length of the repetition. */
const LOOP_TIMES = 8
const LOOP_CHARACTERS = 200

/** Whether a cut-off text had started to repeat itself: a higher limit would only produce more of the same. */
export function isLooping(text: string): boolean {
  const tail = text.slice(-TAIL)
  for (let size = 1; size * LOOP_TIMES <= tail.length; size += 1) {
    let repeated = 0
    while (repeated + size < tail.length && tail.at(-1 - repeated) === tail.at(-1 - repeated - size)) repeated += 1
    if (repeated + size >= Math.max(LOOP_CHARACTERS, size * LOOP_TIMES)) return true
  }
  return false
}
