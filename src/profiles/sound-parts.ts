import { profile, type Profile } from '../contracts/run-spec.ts'
import type { ProfileProblem } from './profile-problem.ts'

type Path = ProfileProblem['path']

/** Parts of a schema that can be left out. */
const OPTIONAL = new Set(['description', 'enum', 'minimum', 'maximum', 'maxLength', 'minItems', 'maxItems', 'required'])

/** Fields of a profile that must be there, whatever they say. */
const NEEDED: Readonly<Record<string, string>> = { name: 'x', description: 'x' }

/** An output that has no fault. */
const SOUND_OUTPUT = { type: 'object', properties: { x: { type: 'string' } } }

/** Returns the problems of the parts of a profile that are not faulty, so that all are found in one pass. */
export function otherProblems(
  content: unknown,
  faulty: readonly Path[],
  check: (sound: Profile) => readonly ProfileProblem[],
): ProfileProblem[] {
  const sound = soundParts(content, faulty)
  if (sound) return ownProblems(check(sound), faulty)
  if (content === null || typeof content !== 'object') return []
  // Too little of the output is left, or it is missing.
  const rest = soundParts(
    { ...content, output: SOUND_OUTPUT },
    faulty.filter(([field]) => field !== 'output'),
  )
  return rest === undefined ? [] : ownProblems(check(rest), faulty).filter(({ path }) => path[0] !== 'output')
}

/** Returns a profile without its faulty parts; undefined when too little is left. */
function soundParts(content: unknown, faulty: readonly Path[]): Profile | undefined {
  if (content === null || typeof content !== 'object') return undefined
  const copy = structuredClone(content) as Record<string, unknown>
  for (const path of faulty) removePart(copy, path)
  const parsed = profile.safeParse(copy)
  return parsed.success ? parsed.data : undefined
}

/** Leaves out the problems that come from a part that was removed. */
function ownProblems(problems: readonly ProfileProblem[], faulty: readonly Path[]): ProfileProblem[] {
  const isModelFaulty = faulty.some(([field]) => field === 'model')
  return problems.filter(({ path, reason }) => {
    if (faulty.some((part) => path.every((step, index) => step === part[index]))) return false
    if (isModelFaulty && (path[0] === 'measure' || path[0] === 'prompt')) return false
    const isRequired = path.at(-2) === 'required'
    return !isRequired || !faulty.some((part) => reason.startsWith(`${String(propertyOf(part).at(-1))} is not`))
  })
}

function removePart(copy: Record<string, unknown>, path: Path): void {
  const [field] = path
  if (path.length === 1 && Object.hasOwn(NEEDED, String(field))) copy[String(field)] = NEEDED[String(field)]
  else if (field === 'output' && !OPTIONAL.has(String(keywordOf(path)))) removeAt(copy, propertyOf(path))
  else removeAt(copy, field === 'output' ? [...propertyOf(path), keywordOf(path) ?? ''] : path.slice(0, 2))
}

/** The path to the innermost property, or to its part that is unknown. */
function propertyOf(path: Path): Path {
  const at = path.lastIndexOf('properties')
  return at < 0 ? path : path.slice(0, at + 2)
}

function keywordOf(path: Path): string | number | undefined {
  return path[path.lastIndexOf('properties') + 2]
}

function removeAt(copy: Record<string, unknown>, path: Path): void {
  let part: unknown = copy
  for (const key of path.slice(0, -1)) {
    if (part === null || typeof part !== 'object') return
    part = (part as Record<string | number, unknown>)[key]
  }
  if (part !== null && typeof part === 'object') delete (part as Record<string | number, unknown>)[path.at(-1)!]
}
