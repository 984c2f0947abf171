import { isScalar, isPair, LineCounter, parseDocument, visit } from 'yaml'
import type { Document, Node } from 'yaml'
import { ImageryError } from '../contracts/errors.ts'
import { profile } from '../contracts/run-spec.ts'
import type { Profile } from '../contracts/run-spec.ts'
import type { ProfileProblem } from './profile-problem.ts'
import { problemsOf } from './schema-problems.ts'
import { otherProblems } from './sound-parts.ts'
import { countText } from '../contracts/count-text.ts'

/** More than a person mends in one go; each is looked up in the text. */
const MOST_PROBLEMS = 50

/** A check beyond the schema. Finds all problems, so that the user can fix them at once. */
export type ProfileCheck = (parsed: Profile) => ProfileProblem[]

/**
 * Reads a profile from YAML, which includes JSON.
 *
 * @param source the file's path, for messages
 * @throws ImageryError INVALID_PROFILE with one line per problem: source, line, part, reason
 */
export function parseProfile(text: string, source: string, check: ProfileCheck): Profile {
  if (text.length > MAX_CHARACTERS) throw invalidProfile(source, [{ line: 1, said: TOO_LONG }])
  try {
    return readProfile(text, source, check)
  } catch (error) {
    // Deep nesting overflows the parser's recursion.
    if (!(error instanceof RangeError) || said(error) === error.message) throw error
    throw invalidProfile(source, [{ line: 1, said: said(error) }])
  }
}

function said({ message }: Error): string {
  return PLAIN_WORDS.find(([words]) => words.test(message))?.[1] ?? message
}

/** What the YAML library says, and what it means. */
const PLAIN_WORDS: readonly (readonly [RegExp, string])[] = [
  [/maximum call stack/i, 'is nested too deeply'],
  [/multiple documents/i, 'begins a second document; a profile is one, so remove the line of three dashes'],
  [/keys must be unique/i, 'this name is there twice; each must be unique'],
  [/excessive alias count/i, 'its aliases (*name) stand for more text than a profile can have'],
]

/** More than the longest prompt that a Gemini model reads. */
const MAX_CHARACTERS = 10_000_000
const TOO_LONG = `is longer than ${countText(MAX_CHARACTERS)} characters, more than any model reads`

function readProfile(text: string, source: string, check: ProfileCheck): Profile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw invalidProfile(
      source,
      document.errors
        .slice(0, MOST_PROBLEMS)
        .map((error) => ({ line: lines.linePos(error.pos[0]).line, said: said(error) })),
    )
  }
  const unkept = unkeptNames(document, lines)
  if (unkept.length > 0) throw invalidProfile(source, unkept)
  const at = (problems: readonly ProfileProblem[]) =>
    problems.map(({ path, reason }) => ({
      line: lines.linePos(offsetOf(document, path)).line,
      said: path.length === 0 ? reason : `${path.join('.')}: ${reason}`,
    }))

  let content: unknown
  try {
    content = document.toJS()
  } catch (error) {
    // yaml finds an unresolved alias, or too many aliases, only now.
    throw invalidProfile(source, [{ line: 1, said: error instanceof Error ? said(error) : String(error) }])
  }
  const parsed = profile.safeParse(content)
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, content, writtenIn(document)))
    const faulty = problems.map(({ path }) => path)
    const others = otherProblems(content, faulty, check)
    throw invalidProfile(source, at([...problems, ...others].slice(0, MOST_PROBLEMS)))
  }
  const problems = check(parsed.data)
  if (problems.length > 0) throw invalidProfile(source, at(problems))
  return parsed.data
}

/** Finds how a value is written: `007` is the number 7. */
function writtenIn(document: Document.Parsed): (path: readonly (string | number)[]) => string | undefined {
  return (path) => {
    const node = document.getIn(path, true)
    return isScalar(node) ? node.source : undefined
  }
}

/** Programs that keep JSON in JavaScript objects lose a member with this name. */
function unkeptNames(document: Document.Parsed, lines: LineCounter): { line: number; said: string }[] {
  const found: { line: number; said: string }[] = []
  visit(document, {
    Pair(_key, { key }) {
      if (isScalar(key) && key.value === '__proto__')
        found.push({ line: lines.linePos(key.range?.[0] ?? 0).line, said: '__proto__: cannot be used as a name' })
    },
  })
  return found
}

/** Returns the offset of the part at `path`, or of the innermost part that exists. */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const key = keyOffset(document, path.slice(0, length))
    if (key !== undefined) return key
    const node = document.getIn(path.slice(0, length), true) as Node | undefined
    if (node?.range) return node.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}

/** A fault is reported at the key, because the value can start lines later. */
function keyOffset(document: Document.Parsed, path: readonly (string | number)[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  let offset: number | undefined
  visit(parent as Node | null, {
    Pair(_key, pair, ancestors) {
      if (ancestors.at(-1) !== parent) return visit.SKIP
      if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(path.at(-1)))
        offset = pair.key.range?.[0]
      return visit.SKIP
    },
  })
  return offset
}

function invalidProfile(source: string, problems: readonly { line: number; said: string }[]): ImageryError {
  const list = problems.toSorted((a, b) => a.line - b.line).map(({ line, said }) => `${source}:${line}: ${said}`)
  return new ImageryError('INVALID_PROFILE', [...new Set(list)].join('\n'), {
    suggestions: ['imagery profiles show image-quality'],
  })
}
