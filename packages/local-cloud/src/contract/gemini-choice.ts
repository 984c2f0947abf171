import path from 'node:path'

/** What answers in Gemini's place in a local cloud. */
export type GeminiChoice =
  /** Recorded answers, JSONL. */
  | { kind: 'replay'; file: string }
  /** A scripted model, YAML. */
  | { kind: 'script'; file: string }
  /** The real Vertex AI, with the user's credentials. */
  | { kind: 'forward' }

/** How a choice is written, for help and error messages. */
export const GEMINI_CHOICES = 'replay:FILE, script:FILE or forward'

/** Reads `replay:FILE`, `script:FILE` or `forward`; files become absolute. Undefined for anything else. */
export function parseGeminiChoice(text: string): GeminiChoice | undefined {
  if (text === 'forward') return { kind: 'forward' }
  const [, kind, file] = /^(replay|script):(.+)$/s.exec(text) ?? []
  return file === undefined ? undefined : { kind: kind as 'replay' | 'script', file: path.resolve(file) }
}

/** The choice as it is written: two texts that mean the same are the same. */
export function formatGeminiChoice(choice: GeminiChoice): string {
  return choice.kind === 'forward' ? 'forward' : `${choice.kind}:${choice.file}`
}
