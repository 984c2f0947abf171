import { ImageryError } from '../../contracts/errors.ts'
import { requireLocalCloud } from './cloud.ts'

/**
 * Runs a command with environment variables that point imagery and official Google clients at the
 * local cloud in a data folder. It shares this process's streams. Returns its exit code, or 128 + n for
 * signal n.
 *
 * @param signal ends the command. In a terminal, a Ctrl-C reaches the command directly.
 * @throws ImageryError FILE_NOT_FOUND if the command does not exist
 */
export async function execInLocalCloud(
  dataDirectory: string,
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const locator = await requireLocalCloud(dataDirectory)
  const { execa } = await import('execa')
  const result = await execa(command, args, {
    stdio: 'inherit',
    reject: false,
    ...(process.stdin.isTTY ? {} : { cancelSignal: signal }),
    env: {
      IMAGERY_LOCAL: 'true',
      IMAGERY_DATA_DIR: dataDirectory,
      GOOGLE_CLOUD_PROJECT: locator.projectId,
      GCE_METADATA_HOST: locator.metadataHost,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: locator.caFile,
      IMAGERY_LOCAL_REST: locator.http,
      IMAGERY_LOCAL_GRPC: `${locator.grpc.host}:${locator.grpc.port}`,
    },
  })
  if (result.exitCode !== undefined) return result.exitCode
  if (result.signal !== undefined) return 128 + (SIGNAL_NUMBERS[result.signal] ?? 0)
  throw new ImageryError('FILE_NOT_FOUND', `${command} cannot be run: ${result.originalMessage}`, { cause: result })
}

const SIGNAL_NUMBERS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }
