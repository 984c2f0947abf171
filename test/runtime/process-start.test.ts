import { describe, expect, test } from 'vitest'
import {
  EnvironmentError,
  mainEnvironment,
  populateEnvironment,
  readEnvironment,
} from '../../src/runtime/environment.ts'
import { createLogger, traceName } from '../../src/runtime/log.ts'

const COMPLETE = { IMAGERY_PROJECT: 'demo', IMAGERY_REGION: 'us-central1', IMAGERY_BUCKET: 'imagery-demo-us-central1' }

function faults(
  schema: typeof mainEnvironment | typeof populateEnvironment,
  environment: Record<string, string>,
): readonly string[] {
  try {
    readEnvironment(schema, environment)
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults
    throw error
  }
  return []
}

describe('the environment', () => {
  // https://cloud.google.com/run/docs/container-contract#port
  test('has Cloud Run’s defaults', () => {
    expect(readEnvironment(mainEnvironment, COMPLETE)).toEqual({
      ...COMPLETE,
      PORT: 8080,
      LOG_LEVEL: 'INFO',
      IMAGERY_CHECK_TOKENS: 'off',
      IMAGERY_MODEL_ORIGINS: [],
    })
  })

  test('is refused with every fault at once', () => {
    expect(faults(populateEnvironment, { PORT: 'http', IMAGERY_MAIN_URL: 'nowhere', LOG_LEVEL: 'chatty' })).toEqual([
      'PORT: not a port number',
      'IMAGERY_PROJECT: not set',
      'IMAGERY_REGION: not set',
      'IMAGERY_BUCKET: not set',
      expect.stringMatching(/^LOG_LEVEL: /),
      'IMAGERY_MAIN_URL: not an http(s) URL',
      'IMAGERY_INVOKER: not set',
    ])
  })

  test.each(['0x50', '-1', '65536', '80.5', ''])('refuses %j as a port', (PORT) => {
    expect(faults(mainEnvironment, { ...COMPLETE, PORT })).toEqual(['PORT: not a port number'])
  })
})

describe('the log', () => {
  // https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
  test('is one JSON object per line, in Cloud Logging’s format', () => {
    const lines: string[] = []
    const log = createLogger({ level: 'INFO', write: (line) => lines.push(line), now: () => Date.UTC(2026, 10, 23) })
    log.debug('too quiet')
    log.info('two\nlines', { run_id: 'r', asset_id: 'a', trace: 'projects/demo/traces/t', shard: 4 })
    log.warning('hm', { error: new Error('why') })
    expect(lines.join('').split('\n')).toHaveLength(3)
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        severity: 'INFO',
        message: 'two\nlines',
        time: '2026-11-23T00:00:00.000Z',
        shard: 4,
        'logging.googleapis.com/trace': 'projects/demo/traces/t',
        'logging.googleapis.com/labels': { run_id: 'r', asset_id: 'a' },
      },
      { severity: 'WARNING', message: 'hm', time: '2026-11-23T00:00:00.000Z', error: 'why' },
    ])
  })

  test('has the stack of an error and of its causes', () => {
    const lines: string[] = []
    const log = createLogger({ level: 'DEBUG', write: (line) => lines.push(line), now: () => 0 })
    log.error('failed', { error: new TypeError('outer', { cause: new Error('inner') }) })
    const { stack_trace: stack } = JSON.parse(lines[0] ?? '')
    expect(stack).toMatch(/^TypeError: outer\n {4}at /)
    expect(stack).toContain('Caused by: Error: inner')
  })

  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
  test.each([
    [{ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }, `projects/demo/traces/${TRACE}`],
    [{ 'x-cloud-trace-context': `${TRACE}/2450465917091935019;o=1` }, `projects/demo/traces/${TRACE}`],
    [{ traceparent: 'junk' }, undefined],
    [{}, undefined],
  ])('groups the lines of a request by its trace: %j', (headers: Record<string, string>, trace) => {
    expect(traceName('demo', (name) => headers[name])).toBe(trace)
  })
})
