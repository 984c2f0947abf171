import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Described {
  summary?: string
  description?: string
  hidden?: boolean
}

interface Command extends Described {
  examples?: unknown[]
  flags: Record<string, Described>
  args: Record<string, Described>
}

const { commands } = JSON.parse(readFileSync(path.join(root, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, Command>
}

describe.each(Object.entries(commands).filter(([, { hidden }]) => !hidden))('the command %s', (id, command) => {
  test('has a one-line summary and examples', () => {
    expect(command.summary).toMatch(/^[A-Z][^\n]*[^.\s]$/)
    expect(command.examples?.length).toBeGreaterThan(0)
  })

  test('describes every flag and argument in a lowercase phrase', () => {
    const described = { ...command.flags, ...command.args }
    const odd = Object.entries(described).filter(
      ([, { summary, description, hidden }]) =>
        !hidden &&
        !/^(?:[a-z0-9]|[A-Z]{2,}|(?:Gemini|GoogleSQL|Google Cloud|Vertex AI|BigQuery|Cloud Run|Pub\/Sub)\b)[^\n]*[^.\s]$/.test(
          summary ?? description ?? '',
        ),
    )
    expect(odd.map(([name]) => name)).toEqual([])
  })

  test('is in the table of the README', () => {
    const lines = readFileSync(path.join(root, 'README.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `imagery '))
    const [topic = '', name = ''] = id.includes(':') ? id.split(':') : ['', id]
    const line = lines.find(
      (each) =>
        each.startsWith(`| \`imagery ${topic || name}`) &&
        (!topic || each.includes(`\`${name}\``) || each.includes(`${topic} ${name}\``)),
    )
    expect(line, `a line for imagery ${id.replace(':', ' ')}`).toBeDefined()
  })
})
