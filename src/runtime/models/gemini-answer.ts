import { isDeepStrictEqual } from 'node:util'
import { shownValue, type CheckedAnswer } from '../../contracts/answer-check.ts'
import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import { objectsIn, type FoundObjects, type TextObject } from './answer-objects.ts'
import { readExactly } from './lenient-json.ts'
import { mendValues, namesProperty } from './mended-values.ts'

/** A model's text as columns, or the reason why it has none. */
export type ReadAnswer =
  | { columns: Record<string, unknown>; repaired: boolean }
  /** The text has no JSON object. */
  | { malformed: string }
  /** What it has does not fit the profile. */
  | { faults: string[]; repaired: boolean }

export interface AnswerReading {
  schema: AnswerSchema
  check: (answer: unknown) => CheckedAnswer
  /** Whether the model reached its length limit, so that the end of the text is missing. */
  isCut: boolean
}

/** A text that is one fenced block. Many models wrap valid JSON this way. */
const FENCED = /^```[a-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?```$/i

/** Thoughts that a model writes into its answer. The answer follows them. */
const THOUGHTS = /^<(think|thinking|thought|reasoning)>[\s\S]*?<\/\1>/i
const BEGINS_WITH_THOUGHTS = /^\s*<(?:think|thinking|thought|reasoning)>/i
const END_OF_THOUGHTS = /<\/(?:think|thinking|thought|reasoning)>/gi

/**
 * Reads a model's answer. An answer that is one JSON object that fits the profile, possibly in a fence, is taken as it
 * is. Otherwise, the first object in the text that fits is the answer, and it is marked as repaired. Nothing is guessed:
 * objects that fit with different values, and objects that end before their end, are no answer.
 */
export function readAnswer(text: string, reading: AnswerReading): ReadAnswer {
  const plain = text.trim()
  const body = FENCED.exec(plain)?.[1]?.trim() ?? plain
  const whole = parsed(body)
  if (whole === undefined) return readText(body, reading)
  const answer = readWhole(whole.value, body, reading)
  return reading.isCut && 'columns' in answer ? { ...answer, repaired: true } : answer
}

/** Reads a text that is one JSON value. */
function readWhole(value: unknown, body: string, reading: AnswerReading): ReadAnswer {
  // JSON inside of JSON text.
  if (typeof value === 'string' && value.includes('{')) return repaired(readAnswer(value, reading))
  if (value !== null && typeof value === 'object') {
    // JSON.parse keeps the last of two members with one name.
    const read = readExactly(body)
    if ('fault' in read) return { malformed: read.fault }
  }
  if (isObject(value)) {
    const fitted = fit(value, reading)
    if ('columns' in fitted) return fitted
    const inner = unwrapped(value, reading)
    return inner === undefined ? fitted : repaired(fit(inner, reading))
  }
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return fit(value, reading)
  const answers = value.map((item) => fit(item, reading))
  return repaired(answers.find((answer) => 'faults' in answer) ?? agreed(answers.filter((one) => 'columns' in one)))
}

/** Reads a text that has other things besides an object, or an object that is not quite JSON. */
function readText(body: string, reading: AnswerReading): ReadAnswer {
  const text = body.replace(THOUGHTS, '')
  const found = afterThoughts(text, objectsIn(text, !reading.isCut), reading)
  const answers = found.objects.map((object) => ({ object, answer: fitOrInner(object, reading) }))
  const fitting = answers.flatMap(({ object, answer }) => ('columns' in answer ? [{ object, answer }] : []))
  const [first] = fitting
  if (first === undefined) {
    const escaped = unescaped(text)
    if (escaped !== undefined) return repaired(readAnswer(escaped, reading))
    const [refused] = answers.map(({ answer }) => answer).filter((answer) => 'faults' in answer)
    return refused === undefined ? { malformed: found.fault } : repaired(refused)
  }
  const stray = strayPart(text, first.object, found)
  if (stray !== undefined) return { malformed: stray }
  if (isListed(text, first.object) && fitting.length < answers.length)
    return { faults: ['the answer is a list, and not all of its objects fit'], repaired: true }
  return repaired(agreed(fitting.map(({ answer }) => answer)))
}

/** Leaves out the objects before the end of thoughts, and in thoughts without an end. */
function afterThoughts(text: string, found: FoundObjects, { isCut }: AnswerReading): FoundObjects {
  let from = 0
  let before = 0
  for (const { index } of text.matchAll(END_OF_THOUGHTS)) {
    // Both are in the order of the text.
    while (before < found.objects.length && found.objects[before]!.end <= index) before += 1
    if (index <= (found.objects[before]?.start ?? index)) from = index
  }
  const after = found.objects.filter(({ start }) => start >= from)
  if (!BEGINS_WITH_THOUGHTS.test(text) || from > 0) return { ...found, objects: after }
  // What thoughts that do not end have in the middle is a draft; at the very end, it is the answer, unless they were cut.
  const isLast = ({ end }: TextObject): boolean =>
    !isCut && /^\s*(?:```\s*)?$/.test(text.slice(end, end + 100)) && text.length < end + 100
  const last = after.filter(isLast)
  return { ...found, objects: last, fault: last.length === after.length ? found.fault : 'its thoughts do not end' }
}

/** Returns why an object is not certain to be the answer, from what follows it. */
function strayPart(text: string, first: TextObject, { damagedAt }: { damagedAt: number | undefined }) {
  if (first.hasInnerQuotes && /["”]/.test(text.slice(first.end)))
    return 'a text in it has quotes without a backslash, so its end is not certain'
  if (damagedAt === undefined || damagedAt < first.start) return undefined
  // A model that repeats itself until it reaches its limit begins its own answer again.
  const repeats = text.slice(first.start, first.end).startsWith(text.slice(damagedAt))
  return repeats && !isListed(text, first) ? undefined : 'another object follows it, and ends before its end'
}

/** Whether an object is one of several in a list. */
function isListed(text: string, { start, end }: TextObject): boolean {
  return /\[\s*$/.test(text.slice(Math.max(0, start - 100), start)) && /^\s*,/.test(text.slice(end, end + 100))
}

function agreed(answers: readonly Fitted[]): ReadAnswer {
  const [first, ...others] = answers
  if (first === undefined) return { faults: ['the answer is not an object'], repaired: true }
  const other = others.find(({ columns }) => !isDeepStrictEqual(columns, first.columns))
  if (other === undefined) return first
  const names = [...new Set([...Object.keys(first.columns), ...Object.keys(other.columns)])]
  const name = names.find((key) => !isDeepStrictEqual(first.columns[key], other.columns[key])) ?? ''
  const values = [first, other].map(({ columns }) => shownValue(columns[name])).join(' and ')
  return { faults: [`the answer has objects with different values: ${name} is ${values}`], repaired: true }
}

interface Fitted {
  columns: Record<string, unknown>
  repaired: boolean
}

function fitOrInner({ value }: TextObject, reading: AnswerReading): Fitted | { faults: string[]; repaired: boolean } {
  const fitted = fit(value, reading)
  const inner = 'faults' in fitted ? unwrapped(value, reading) : undefined
  return inner === undefined ? fitted : fit(inner, reading)
}

function fit(value: unknown, { schema, check }: AnswerReading): Fitted | { faults: string[]; repaired: boolean } {
  const { value: better, isMended } = mendValues(value, schema)
  const checked = check(better)
  if ('faults' in checked) return { faults: checked.faults, repaired: isMended }
  // Members that the profile does not name are dropped. When nothing else is there, the row would be empty without a word.
  if (isObject(better) && Object.keys(better).length > 0 && !namesAny(better, schema))
    return {
      faults: [`the answer has none of the columns; it has ${shownValue(Object.keys(better))}`],
      repaired: isMended,
    }
  return { columns: checked.columns, repaired: isMended }
}

/**
 * Returns the only object in an object if it fits and the profile names nothing around it: models sometimes wrap the
 * answer, as in `{"result": {…}}`, `{"signs": [{…}]}` or `{"reasoning": "…", "answer": {…}}`
 * (phenobarbital/ai-parrot#338, spinje/pflow#598).
 */
function unwrapped(value: Record<string, unknown>, reading: AnswerReading): Record<string, unknown> | undefined {
  const [only, ...others] = Object.values(value).filter((member) => typeof member === 'object' && member !== null)
  const inner: unknown = Array.isArray(only) && only.length === 1 ? only[0] : only
  const isWrapper = others.length === 0 && !isAnswer(value, reading.schema) && !isDenied(value)
  return isWrapper && isObject(inner) && 'columns' in fit(inner, reading) ? inner : undefined
}

/** Whether an object is itself an answer, if not a whole one: what is inside of it may be another. */
function isAnswer(value: Record<string, unknown>, { properties = {} }: AnswerSchema): boolean {
  return Object.keys(value).some((name) => namesProperty(name, properties))
}

/** Whether what is around an object says that it is no answer: `"found": false`, or an error. */
function isDenied(value: Record<string, unknown>): boolean {
  return Object.entries(value).some(
    ([name, member]) => member === false || (/^(?:error|refusal)$/i.test(name) && Boolean(member)),
  )
}

function namesAny(value: Record<string, unknown>, { properties = {} }: AnswerSchema): boolean {
  return Object.keys(value).some((name) => Object.hasOwn(properties, name))
}

/** Returns the text of an answer that is escaped as a JSON text but has no quotes around it. */
function unescaped(text: string): string | undefined {
  if (!/^\s*\{\s*(?:\\[nrt])*\s*\\"/.test(text)) return undefined
  const inner = parsed(`"${text.replaceAll('\r', '\\r').replaceAll('\n', '\\n')}"`)?.value
  return typeof inner === 'string' ? inner : undefined
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function repaired(answer: ReadAnswer): ReadAnswer {
  return 'malformed' in answer ? answer : { ...answer, repaired: true }
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
