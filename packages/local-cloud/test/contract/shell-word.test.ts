import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { shellWord } from '../../src/contract/shell-word.ts'

test.each(['cloud-a', './data/cloud', "O'Neill's signs", 'two words', '$(rm -rf x)', '', 'a;b', '*', 'Straße', '~'])(
  '%o stays one unchanged word in a shell',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf '%s|' ${shellWord(text)}`], { encoding: 'utf8' })).toBe(`${text}|`)
  },
)
