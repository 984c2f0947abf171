import type { Random } from './random.ts'

/** The ways in which models write invalid JSON, from recorded answers. */
const FLAWS: readonly ((json: string) => string)[] = [
  (json) => `\`\`\`json\n${json}\n\`\`\``,
  (json) => json.replace(/([}\]])([^}\]]*)$/, ',$1$2'),
  (json) => json.replace(/\{/, '{\n  // what the image shows\n'),
  (json) => `Here is the answer:\n\`\`\`\n${json}\n\`\`\`\n`,
  (json) => `${json.slice(0, -1)},\n${json.slice(-1)}`,
]

/** Breaks `text` so that JSON.parse refuses it, but a repair library can fix it. */
export function breakJson(value: unknown, text: string, random: Random): string {
  const json = typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : text
  const isList = json === '{}' || json === '[]' || !/^[[{]/.test(json)
  const flaw = isList ? FLAWS[0] : FLAWS[Math.floor(random() * FLAWS.length)]
  return flaw ? flaw(json) : json
}

/** Replaces one member of `value` by a type that no schema allows there: an object becomes a list of itself, a member an object. */
export function breakSchema(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { wrong: value }
  const names = Object.keys(value)
  const chosen = names[Math.floor(random() * names.length)]
  return chosen === undefined ? [value] : { ...value, [chosen]: { unexpected: [true] } }
}
