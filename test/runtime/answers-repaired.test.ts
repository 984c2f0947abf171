import { describe, expect, test } from 'vitest'
import type { AnswerSchema } from '../../src/contracts/answer-schema.ts'
import { answerReader } from './answer-reader.ts'

const SIGN: AnswerSchema = {
  type: 'object',
  required: ['category'],
  properties: {
    category: { type: 'string', enum: ['Stop', 'Give Way', 'no-entry', 'N/A', '30'] },
    note: { type: 'string', maxLength: 200 },
    memo: { type: 'string' },
    words: { type: 'array', items: { type: 'string' } },
    count: { type: 'integer' },
    score: { type: 'number' },
    lit: { type: 'boolean' },
    colors: { type: 'array', items: { type: 'string', enum: ['red', 'white'] } },
    plate: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
  },
}

const read = await answerReader(SIGN)

const STOP = '{"category": "Stop", "count": 2}'
const COLUMNS = { category: 'Stop', count: 2 }

test.each([
  ['alone', STOP],
  ['between spaces and line breaks', `\n  ${STOP}\r\n`],
  ['in a fence', `\`\`\`json\n${STOP}\n\`\`\``],
  ['in a fence with Windows line breaks', `\`\`\`\r\n${STOP}\r\n\`\`\``],
  ['after a byte order mark', `\uFEFF${STOP}`],
])('an object %s is taken as it is', (_where, text) => {
  expect(read(text)).toEqual({ columns: COLUMNS, repaired: false })
})

describe('a whole object is found', () => {
  test.each([
    ['before a stray end of a text', `${STOP}."}`],
    ['twice', `${STOP}${STOP}`],
    ['before prose with braces', `${STOP}\nI used the {category} of the sign, as in {shape: octagon, color: red}.`],
    ['after a thought with braces', `THOUGHT: {octagon} is a stop sign.\n${STOP}`],
    ['after other braces', `{{}} {"x": {"y": 1}} ${STOP}`],
    ['after a think block with a draft', `<think>Maybe {"category": "Give Way"}?</think>\n${STOP}`],
    ['after a think block without its start', `Maybe {"category": "Give Way"}?\n</think>${STOP}`],
    ['in prose', `Here it is:\n${STOP}\nI hope that helps.`],
    ['in a fence in prose', `Here it is:\n\`\`\`json\n${STOP}\n\`\`\`\nThat is all.`],
    ['in two fences', `\`\`\`json\n${STOP}\n\`\`\`\nand again\n\`\`\`json\n${STOP}\n\`\`\``],
    ['after one that does not fit', `{"category": "Banana"}\n${STOP}`],
    ['in a list', `[${STOP}]`],
    ['in a list of equal ones', `[${STOP}, ${STOP}]`],
    ['in a list with a trailing comma', `[${STOP},]`],
    ['in a wrapper', `{"result": ${STOP}}`],
    ['in a wrapper in prose', `Answer: {"output": ${STOP}}`],
    ['in a wrapper that is a list', `{"signs": [${STOP}]}`],
    ['after its reason', `{"reasoning": "It is red.", "answer": ${STOP}}`],
    ['as the arguments of a call', `{"name": "answer", "arguments": ${STOP}}`],
    ['at the end of thoughts that do not end', `<think>It is red.\n${STOP}`],
    ['in a JSON text', JSON.stringify(STOP)],
    ['escaped, without the quotes around it', STOP.replaceAll('"', String.raw`\"`)],
    ['without its last brace', '{"count": 2, "category": "Stop"'],
    ['with a comma at the end', '{"category": "Stop", "count": 2,}'],
    ['with comments', '{"category": "Stop", // a sign\n /* two */ "count": 2 # of them\n}'],
    ['with single quotes', "{'category': 'Stop', 'count': 2}"],
    ['with typographic quotes', '{“category”: “Stop”, “count”: 2}'],
    ['with names without quotes', '{category: "Stop", count: 2}'],
    ['without a comma between lines', '{"category": "Stop"\n "count": 2}'],
    ['with a name that is there twice with one value', '{"category": "Stop", "count": 2, "category": "Stop"}!'],
    ['with literals of Python', "{'category': 'Stop', 'count': 2, 'lit': None}"],
    ['with NaN for a number that is not known', '{"category": "Stop", "count": 2, "score": NaN}'],
  ])('%s', (_where, text) => {
    expect(read(text)).toEqual({ columns: COLUMNS, repaired: true })
  })

  test('in a list of one, as exact JSON', () => {
    expect(read('[{"category": "Stop"}]')).toEqual({ columns: { category: 'Stop' }, repaired: true })
  })

  test('at the end of a cut answer', () => {
    expect(read(`${STOP}\n\n\n`, true)).toEqual({ columns: COLUMNS, repaired: true })
    expect(read(`${STOP}{"category": "St`, true)).toEqual({ columns: COLUMNS, repaired: true })
  })

  test.each([
    ['a line break', '{"category": "Stop", "note": "one\ntwo"}', 'one\ntwo'],
    ['quotes without a backslash', '{"category": "Stop", "note": "it says "STOP" in red"}', 'it says "STOP" in red'],
    ['a quotation before a comma', '{"category": "Stop", "note": "it says "STOP", in red"}', 'it says "STOP", in red'],
    ['a mark of inches', '{"category": "Stop", "note": "a 6" post, 2" wide"}', 'a 6" post, 2" wide'],
    ['an apostrophe at the end of a word', "{'category': 'Stop', 'note': 'the poles' base'}", "the poles' base"],
    ['an apostrophe', "{'category': 'Stop', 'note': 'the sign's post leans'}", "the sign's post leans"],
    ['a number sign after a quote', '{"category": "Stop", "note": "the pole "#5" leans"}', 'the pole "#5" leans'],
    [
      'a backslash without a meaning',
      String.raw`{"category": "Stop", "note": "C:\photos\%1"}`,
      String.raw`C:\photos\%1`,
    ],
    ['half of an emoji', String.raw`{"category": "Stop", "note": "ok \ud83d"}`, 'ok '],
    ['half of an emoji in prose', String.raw`So: {"category": "Stop", "note": "ok \ud83d"}`, 'ok '],
  ])('with %s in a text', (_what, text, note) => {
    expect(read(text)).toEqual({ columns: { category: 'Stop', note }, repaired: true })
  })
})

describe('a value in another form is the value', () => {
  test.each([
    ['category', '"stop"', 'Stop'],
    ['category', '"GIVE_WAY"', 'Give Way'],
    ['category', '"give-way "', 'Give Way'],
    ['category', '"No Entry"', 'no-entry'],
    ['category', '30', '30'],
    ['category', '"Stop."', 'Stop'],
    ['category', '"**Give way**"', 'Give Way'],
    ['category', String.raw`"\"Stop\""`, 'Stop'],
    ['category', String.raw`"Stop\u0000"`, 'Stop'],
    ['category', '["stop"]', 'Stop'],
    ['count', '["2"]', 2],
    ['count', '"2"', 2],
    ['count', '"2.0"', 2],
    ['count', '" -7 "', -7],
    ['score', '"0.25"', 0.25],
    ['lit', '"true"', true],
    ['lit', '"False"', false],
    ['lit', 'True', true],
    ['colors', '["Red", "WHITE"]', ['red', 'white']],
    ['colors', String.raw`"[\"red\"]"`, ['red']],
    ['plate', String.raw`"{\"text\": \"A 1\"}"`, { text: 'A 1' }],
  ])('%s: %s', (name, value, expected) => {
    const rest = name === 'category' ? '' : '"category": "Stop", '
    expect(read(`{${rest}"${name}": ${value}}`)).toEqual({
      columns: { category: 'Stop', [name]: expected },
      repaired: true,
    })
  })

  test('2.0 is the integer 2', () => {
    expect(read('{"category": "Stop", "count": 2.0}')).toEqual({ columns: COLUMNS, repaired: false })
  })

  test.each([
    ['count', '"None"'],
    ['score', '""'],
    ['lit', '"null"'],
    ['count', 'None'],
  ])('an optional %s of %s is not known', (name, value) => {
    expect(read(`{"category": "Stop", "${name}": ${value}}`)).toEqual({
      columns: { category: 'Stop' },
      repaired: true,
    })
  })

  test('text stays text: None, true and 2 are possible notes', () => {
    for (const note of ['None', 'true', '2', ''])
      expect(read(JSON.stringify({ category: 'Stop', note }))).toEqual({
        columns: { category: 'Stop', note },
        repaired: false,
      })
  })
})

describe('nothing is guessed', () => {
  test.each([
    ['two objects that fit differently', `${STOP}{"category": "Give Way"}`, /category is "Stop" and "Give Way"/],
    ['a list of different objects', `[${STOP}, {"category": "Give Way"}]`, /category is "Stop" and "Give Way"/],
    ['a list whose other object does not fit', `[${STOP}, {"category": "Banana"}]`, /category is "Banana"/],
    ['a list like that with a comma', `[${STOP}, {"category": "Banana"},]`, /not all of its objects fit/],
    ['two fences that differ', `\`\`\`\n${STOP}\n\`\`\`\n\`\`\`\n{"category": "30"}\n\`\`\``, /"Stop" and "30"/],
    ['a name that is there twice', '{"category": "Stop", "count": 2, "count": 3}', /count is there twice/],
    ['a name that is there twice in a list', '[{"category": "Stop", "count": 2, "count": 3}]', /count is there twice/],
    [
      'a name that is there twice in JSON as text',
      String.raw`{"category": "Stop", "plate": "{\"text\": \"A\", \"text\": \"B\"}"}`,
      /plate is .*, not an object/,
    ],
    ['another object that is cut', `${STOP} No: {"category": "Give`, /another object follows it/],
    ['an end that is not certain', '{"category": "Stop", "note": "a "b" c"} d"}', /not certain/],
    ['a cut quotation', '{"category": "Stop", "note": "a "b"} c"} d', /closing quote is missing/],
    ['a part of a damaged object', '{"category": !, "plate": {"category": "Stop"}}', /where a value belongs/],
    ['a cut text', '{"category": "Stop", "note": "lean', /ends inside a text/],
    ['a cut number', '{"category": "Stop", "count": 2', /ends before its end/],
    ['a cut word', '{"category": "Stop", "note": lean', /ends before its end/],
    ['a cut literal', '{"category": "Stop", "note": None', /ends before its end/],
    [
      'a missing quote that takes in the next member',
      '{"category": "Stop", "note": "lean, "memo": "2"}',
      /closing quote is missing before "memo/,
    ],
    [
      'two missing quotes that take in two members',
      '{"category": "Stop", "note": "lean, "count": 2, "memo": bent"}',
      /closing quote is missing before "count/,
    ],
    [
      'a missing quote between lines',
      '{"category": "Stop", "note": "lean\n "memo": "2"}',
      /closing quote is missing before "memo/,
    ],
    ['a missing quote in a name', '{"category": "Stop", "note: "lean", "count": 2}', /closing quote is missing/],
    ['a missing quote in a list', '{"category": "Stop", "words": ["red, "white", "blue"]}', /closing quote is missing/],
    ['a missing single quote', "{'category': 'Stop', 'words': ['red, 'white']}", /closing quote is missing/],
    [
      'a missing typographic quote',
      '{“category”: “Stop”, “note”: “lean, “memo”: “2”}',
      /closing quote is missing before "memo/,
    ],
    ['a doubt', '{"category": "Stop?"}', /category is "Stop\?", not one of/],
    ['two values in a list', '{"category": ["Stop", "Give Way"]}', /category is \[/],
    ['a draft in thoughts that do not end', `<think>Maybe ${STOP}, or so`, /thoughts do not end/],
    ['two objects in a wrapper', `{"signs": [${STOP}, {"category": "Give Way"}]}`, /category is missing/],
    ['a draft in second thoughts', `<think>It is red.</think>\n<think>Maybe ${STOP}, or so`, /thoughts do not end/],
    ['an object in part of another answer', `{"Category": "Give Way", "Count": "two", "details": ${STOP}}`, /count is/],
    ['an object in another answer that lacks a member', `{"NOTE": "bent", "details": ${STOP}}`, /category is missing/],
    ['an object that was not found', `{"found": false, "sign": ${STOP}}`, /category is missing/],
    ['an object beside an error', `{"error": "I cannot see a sign.", "example": ${STOP}}`, /category is missing/],
    ['a decimal point', '{"category": ".30"}', /category is ".30", not one of/],
    ['a decimal comma in quotes', String.raw`{"category": "\",30\""}`, /category is .*30.*, not one of/],
    ['a minus sign', '{"category": "-30"}', /category is "-30", not one of/],
    ['a range', '{"category": "3-0"}', /category is "3-0", not one of/],
    ['a number too large', '{"category": "Stop", "score": 1e400}', /score is Infinity, not a number/],
    ['a number with a unit', '{"category": "Stop", "count": 2 poles}', /"poles}" where a comma belongs/],
    ['a number with a unit as text', '{"category": "Stop", "count": "2 poles"}', /count is "2 poles", not an integer/],
    ['a number with a comma as text', '{"category": "Stop", "count": "1,234"}', /count is "1,234"/],
    ['a broken integer as text', '{"category": "Stop", "count": "1.5"}', /count is "1.5", not an integer/],
    ['a leading zero', '{"category": "Stop", "count": 007}', /where a value belongs/],
    ['Infinity', '{"category": "Stop", "score": Infinity}', /where a value belongs/],
    ['yes for true', '{"category": "Stop", "lit": "yes"}', /lit is "yes", not true or false/],
    ['a number as text', '{"category": "Stop", "note": 7}', /note is 7, not a text/],
    ['nothing that the profile names', '{"kind": "Stop", "n": 2}', /category is missing/],
    ['prose', 'I cannot see a sign.', /no JSON object/],
    ['braces', '}{', /no JSON object/],
    ['a number', '7', /the answer is 7, not an object/],
    ['a list of numbers', '[1]', /the answer is \[1\], not an object/],
  ])('%s', (_what, text, why) => {
    const answer = read(text)
    expect(answer).not.toHaveProperty('columns')
    expect('malformed' in answer ? answer.malformed : 'faults' in answer ? answer.faults.join('; ') : '').toMatch(why)
  })

  test('two names for one property decide nothing', () => {
    expect(read('{"Category": "Stop", "CATEGORY": "Give Way"}')).toMatchObject({ faults: ['category is missing'] })
    expect(read('{"category": "Stop", "Category": "Give Way"}')).toEqual({
      columns: { category: 'Stop' },
      repaired: false,
    })
  })

  test('a list with very many faults names the first ones', () => {
    const answer = read(`{"category": "Stop", "words": [${'1,'.repeat(20_000)}1]}`)
    const { faults } = answer as { faults: string[] }
    expect(faults[0]).toBe('words.0 is 1, not a text')
    expect(faults.slice(20)).toEqual(['and 19,981 more faults'])
  })

  test.each([
    ['closed', STOP.slice(0, -1)],
    ['taken from a list', `[${STOP}, {"category": "St`],
    ['taken from thoughts', `<think>Maybe ${STOP}\n\n\n`],
  ])('a cut answer is not %s', (_what, text) => {
    expect(read(text, true)).not.toHaveProperty('columns')
  })

  test('an enum value that two allowed values match', async () => {
    const readTwins = await answerReader({
      type: 'object',
      properties: { kind: { type: 'string', enum: ['on-off', 'On Off', 'out'] } },
    })
    expect(readTwins('{"kind": "ON OFF"}')).toEqual({
      faults: ['kind is "ON OFF", not one of on-off, On Off, out'],
      repaired: false,
    })
    expect(readTwins('{"kind": "on-off"}')).toEqual({ columns: { kind: 'on-off' }, repaired: false })
  })

  test('an answer without any of the columns is not an empty row', async () => {
    const readOptional = await answerReader({ type: 'object', properties: { note: { type: 'string' } } })
    expect(readOptional('{"octagon": 1}')).toEqual({
      faults: ['the answer has none of the columns; it has ["octagon"]'],
      repaired: false,
    })
    expect(readOptional('{}')).toEqual({ columns: {}, repaired: false })
  })
})

describe('a whole answer in another form', () => {
  test.each([
    ['in another case', '{"Category": "Stop", "COUNT": 2}', COLUMNS],
    [
      'with spaces, of a nested object',
      '{"category": "Stop", "plate": {"Text ": "A 1"}}',
      { category: 'Stop', plate: { text: 'A 1' } },
    ],
  ])('a name %s is that of the only property that it can mean', (_what, text, columns) => {
    expect(read(text)).toEqual({ columns, repaired: true })
  })

  test.each([
    ['{"category": "Stop", "score": .5}', { score: 0.5 }],
    ['{"category": "Stop", "score": -.5}', { score: -0.5 }],
    ['{"category": "Stop", "count": +2}', { count: 2 }],
    ['{"category": "Stop", "count": "+2", "score": ".5"}', { count: 2, score: 0.5 }],
  ])('a number with a plus or without a zero is that number: %s', (text, columns) => {
    expect(read(text)).toEqual({ columns: { category: 'Stop', ...columns }, repaired: true })
  })
})
