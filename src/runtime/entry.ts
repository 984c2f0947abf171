import type * as z from 'zod'
import { EnvironmentError, readEnvironment } from './environment.ts'
import { createLogger, SEVERITIES, type Logger } from './log.ts'

/**
 * Runs a service's entry: reads the environment, creates a logger, and turns every fatal error into one
 * log line and exit code 1.
 */
export function startService<Schema extends z.ZodType>(
  schema: Schema,
  start: (environment: z.output<Schema>, log: Logger) => void,
): void {
  const wanted = process.env['LOG_LEVEL']
  const log = createLogger({
    level: SEVERITIES.find((severity) => severity === wanted) ?? 'INFO',
    write: (line) => process.stdout.write(line),
    now: Date.now,
  })
  process.on('uncaughtException', (error) => {
    log.error(`unexpected error: ${error.message}`, { error })
    process.exit(1)
  })
  try {
    start(readEnvironment(schema, process.env), log)
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    log.error(error.message)
    process.exitCode = 1
  }
}
