import { readObject, type LenientObject } from './lenient-json.ts'

/** An object in a text, and where it starts. */
export interface TextObject extends LenientObject {
  start: number
}

export interface FoundObjects {
  objects: TextObject[]
  /** What is wrong with the text when it has no objects. */
  fault: string
  /** The offset of an object that ends before its end, if there is one. */
  damagedAt: number | undefined
}

/** What an object can start with. Most braces in prose have something else. */
const CAN_BE_AN_OBJECT = /\{\s*(?:[}\w$"'“‘#]|\/[/*])/y

/** The start of an object with a member, unlike braces in prose, as in `{octagon}`. */
const BEGINS_LIKE_AN_OBJECT = /\{\s*(?:[\w$-]{1,300}|\\?["'“‘][^"'”’\n]{0,300}["'”’])\s*:/y

/**
 * How many times the length of a text may be read. Each brace can start an object that is read to the end of the text,
 * so a text of braces could keep the process busy for minutes.
 */
const MOST_READINGS = 20

/** What each attempt to read an object costs, in characters. */
const ATTEMPT_COST = 500

/**
 * Finds the objects of a text, outermost and in order. An object that cannot be read is skipped with everything in it:
 * a part of a damaged answer is not an answer.
 *
 * @param isWhole whether the end of the text is known to be there
 */
export function objectsIn(text: string, isWhole: boolean): FoundObjects {
  const found: FoundObjects = { objects: [], fault: 'it has no JSON object', damagedAt: undefined }
  let budget = text.length * MOST_READINGS + 200 * ATTEMPT_COST
  for (let start = text.indexOf('{'); start >= 0;) {
    CAN_BE_AN_OBJECT.lastIndex = start
    if (!CAN_BE_AN_OBJECT.test(text)) {
      start = text.indexOf('{', start + 1)
      continue
    }
    let read = readObject(text, start, { isWhole, escapesQuotes: true })
    budget -= read.end - start + ATTEMPT_COST
    if ('fault' in read) {
      // With both faults, the end of the last text is not certain.
      read = readObject(text, start, { isWhole: false, escapesQuotes: false })
      budget -= read.end - start + ATTEMPT_COST
    }
    if ('value' in read) {
      found.objects.push({ ...read, start })
      start = text.indexOf('{', read.end)
      continue
    }
    BEGINS_LIKE_AN_OBJECT.lastIndex = start
    const end = BEGINS_LIKE_AN_OBJECT.test(text) ? endOfBraces(text, start) : start + 1
    if (end !== start + 1) found.fault = read.fault
    if (end === undefined || budget < 0) return { ...found, damagedAt: start }
    start = text.indexOf('{', end)
  }
  return found
}

/** Returns the offset after the brace that closes the one at `start`; undefined when there is none. */
function endOfBraces(text: string, start: number): number | undefined {
  let open = 0
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{') open += 1
    else if (text[at] === '}') {
      open -= 1
      if (open === 0) return at + 1
    }
  }
  return undefined
}
