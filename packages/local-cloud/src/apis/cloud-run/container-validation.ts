import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import {
  ENV_MAX_COUNT,
  ENV_MAX_LENGTH,
  LIVENESS_PROBE_MAX_SECONDS,
  RESERVED_ENV_NAMES,
  STARTUP_PROBE_MAX_SECONDS,
} from './limits.ts'
import type { Container, Probe } from './resources.ts'

/**
 * Checks the one container of a service. What the local cloud can run is an image of its Artifact
 * Registry, or a source archive on one of Google's Node.js base images.
 *
 * @param concurrency the template's maxInstanceRequestConcurrency as requested, 0 for the default
 */
export function validateContainer(container: Container, concurrency: number): void {
  refuseUnsupported(container)
  validateSource(container)
  validateEnvironment(container)
  validateResources(container.resources?.limits ?? {}, concurrency)
  const [port, ...others] = container.ports
  if (others.length > 0) throw invalid('ports', 'at most one port is allowed')
  if (port) {
    if (!['', 'http1', 'h2c'].includes(port.name)) throw invalid('ports.name', 'must be "http1" or "h2c"')
    if (port.name === 'h2c') throw notEmulated('a container port of h2c (HTTP/2 end to end)')
    if (port.containerPort < 0 || port.containerPort > 65_535) {
      throw invalid('ports.container_port', 'must be greater than 0 and less than 65536')
    }
  }
  if (container.startupProbe) validateProbe('startup_probe', container.startupProbe, STARTUP_PROBE_MAX_SECONDS)
  if (container.livenessProbe) validateProbe('liveness_probe', container.livenessProbe, LIVENESS_PROBE_MAX_SECONDS)
  if (container.livenessProbe?.tcpSocket) throw invalid('liveness_probe', 'a TCP probe cannot check liveness')
}

function validateSource(container: Container): void {
  if (container.image === '') throw invalid('image', 'a value is required')
  if (container.image === 'scratch') validateArchive(container)
  else validateImage(container)
  const [program] = container.command
  if (program !== undefined && program !== 'node') throw notEmulated(`the command "${program}" (only "node" is)`)
}

/** Deployment checks whether the image exists. */
function validateImage({ image, sourceCode, baseImageUri }: Container): void {
  if (/\s/.test(image)) throw invalid('image', `Expected an image name, got "${image}"`)
  if (!image.includes('-docker.pkg.dev/')) {
    throw new GoogleError(
      'UNIMPLEMENTED',
      `the local cloud runs images of its own Artifact Registry, REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE; it cannot run "${image}"; ` +
        'see packages/local-cloud/docs/emulator-support.md',
    )
  }
  if (sourceCode) throw invalid('source_code', 'only the image "scratch" takes a source archive')
  if (baseImageUri !== '') throw notEmulated('baseImageUri of a built image (automatic updates)')
}

/** An archive that runs as it is: https://cloud.google.com/run/docs/deploying-source-code. */
function validateArchive(container: Container): void {
  const source = container.sourceCode?.cloudStorageSource
  if (!source) throw invalid('source_code', 'image "scratch" needs a source archive')
  if (source.bucket === '' || source.object === '') {
    throw invalid('source_code.cloud_storage_source', 'bucket and object are required')
  }
  if (container.baseImageUri === '') throw invalid('base_image_uri', 'image "scratch" needs a base image')
  validateBaseImage(container.baseImageUri)
  if (container.command.length === 0) throw invalid('command', 'image "scratch" needs a command')
}

/** Node.js runtimes by their stacks (https://cloud.google.com/run/docs/configuring/services/runtime-base-images, as of 2026-11). */
const NODE_STACKS: Readonly<Record<string, string>> = {
  nodejs18: 'google-22',
  nodejs20: 'google-22',
  nodejs22: 'google-22',
  nodejs24: 'google-24',
}

/**
 * A bare runtime ID, as GoogleCloudPlatform/cloud-run-mcp sends it (lib/deployment/constants.js), or an address
 * (https://cloud.google.com/docs/buildpacks/base-images).
 */
function validateBaseImage(uri: string): void {
  const [, stack, runtime = ''] =
    /^(?:[a-z0-9-]+-docker\.pkg\.dev\/serverless-runtimes\/([\w-]+)\/runtimes\/)?(nodejs\d+)(?::[\w.-]+|@sha256:[0-9a-f]+)?$/.exec(
      uri,
    ) ?? []
  const known = NODE_STACKS[runtime]
  if (known === undefined) throw notEmulated(`base image "${uri}" (only Google's Node.js runtimes are)`)
  if (stack !== undefined && stack !== known && stack !== `${known}-full`)
    throw invalid('base_image_uri', `Image '${uri}' not found.`)
}

/** https://cloud.google.com/run/docs/configuring/services/environment-variables */
function validateEnvironment(container: Container): void {
  const names = container.env.map(({ name }) => name)
  const reserved = names.filter((name) => RESERVED_ENV_NAMES.includes(name) || name.startsWith('X_GOOGLE_'))
  if (reserved.length > 0) {
    throw invalid(
      'env',
      `The following reserved env names were provided: ${reserved.join(', ')}. ` +
        'These values are automatically set by the system.',
    )
  }
  if (names.length > ENV_MAX_COUNT) throw invalid('env', `at most ${ENV_MAX_COUNT} variables are allowed`)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw invalid('env', `"${repeated}" is set twice`)
  for (const { name, value, valueSource } of container.env) {
    if (!/^[A-Za-z_.-][A-Za-z0-9_.-]*$/.test(name)) throw invalid('env.name', `"${name}" is not a variable name`)
    if (Math.max(name.length, Buffer.byteLength(value ?? '')) > ENV_MAX_LENGTH) {
      throw invalid('env', `"${name}" is longer than ${ENV_MAX_LENGTH} bytes`)
    }
    if (valueSource) throw notEmulated(`env "${name}" from Secret Manager`)
  }
}

/** Least memory of a CPU count, MiB (https://cloud.google.com/run/docs/configuring/services/memory-limits). */
const LEAST_MEMORY_MIB: Record<number, number> = { 4: 2_048, 6: 4_096, 8: 4_096 }
/** More memory than the first needs at least the second in CPUs, by the same page. */
const MEMORY_NEEDS_CPUS: readonly [mebibytes: number, cpus: number][] = [
  [24_576, 8],
  [16_384, 6],
  [8_192, 4],
  [4_096, 2],
  [512, 1],
]
const MEMORY_MAX_MIB = 32_768
const MEMORY_MIN_MIB = 128
const CPU_MIN = 0.08

function validateResources(limits: Record<string, string>, concurrency: number): void {
  for (const name of Object.keys(limits)) {
    if (name === 'nvidia.com/gpu') throw notEmulated('a GPU')
    if (name !== 'cpu' && name !== 'memory') throw invalid('resources.limits', `"${name}" is not a resource`)
  }
  const cpus = cpuCount(limits['cpu'] ?? '1')
  if (!([1, 2, 4, 6, 8].includes(cpus) || (cpus >= CPU_MIN && cpus < 1))) {
    throw invalid('resources.limits.cpu', `"${limits['cpu']}" must be 1, 2, 4, 6, 8, or from ${CPU_MIN} to less than 1`)
  }
  if (cpus < 1 && concurrency > 1) {
    throw invalid('max_instance_request_concurrency', 'must be 1 when CPU is less than 1')
  }
  const memory = mebibytes(limits['memory'] ?? '512Mi')
  if (!(memory >= MEMORY_MIN_MIB && memory <= MEMORY_MAX_MIB)) {
    throw invalid('resources.limits.memory', `"${limits['memory']}" must be from 128Mi to 32Gi`)
  }
  if (memory < (LEAST_MEMORY_MIB[cpus] ?? 0)) {
    throw invalid('resources.limits.memory', `${cpus} CPU need at least ${LEAST_MEMORY_MIB[cpus]}Mi`)
  }
  const needed = MEMORY_NEEDS_CPUS.find(([above]) => memory > above)
  if (needed && cpus < needed[1]) {
    throw invalid('resources.limits.memory', `more than ${needed[0]}Mi need at least ${needed[1]} CPU`)
  }
}

/** `1`, `0.5`, `1000m` in CPUs; NaN when it is none of these. */
export function cpuCount(quantity: string): number {
  if (/^\d+m$/.test(quantity)) return Number(quantity.slice(0, -1)) / 1_000
  return /^\d+(\.\d+)?$/.test(quantity) ? Number(quantity) : Number.NaN
}

const MEBIBYTES_PER_UNIT: Record<string, number> = {
  '': 1 / 1_048_576,
  k: 1e3 / 1_048_576,
  M: 1e6 / 1_048_576,
  G: 1e9 / 1_048_576,
  Ki: 1 / 1_024,
  Mi: 1,
  Gi: 1_024,
}

/** `512Mi`, `2Gi` in mebibytes; NaN when it is no quantity. */
export function mebibytes(quantity: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(quantity) ?? []
  return Number(amount) * (MEBIBYTES_PER_UNIT[unit ?? ''] ?? Number.NaN)
}

/** https://cloud.google.com/run/docs/configuring/healthchecks; 0 means the field was left to its default. */
function validateProbe(field: string, probe: Probe, maxSeconds: number): void {
  if (probe.grpc) throw notEmulated(`a gRPC ${field.replace('_', ' ')}`)
  if (!probe.httpGet && !probe.tcpSocket) throw invalid(field, 'one of httpGet, tcpSocket or grpc is required')
  const port = probe.httpGet?.port ?? probe.tcpSocket?.port ?? 0
  if (port < 0 || port > 65_535) throw invalid(`${field}.port`, 'must be less than 65536')
  const bounded: [string, number][] = [
    ['initial_delay_seconds', probe.initialDelaySeconds],
    ['period_seconds', probe.periodSeconds],
    ['timeout_seconds', probe.timeoutSeconds],
  ]
  for (const [name, seconds] of bounded) {
    if (seconds < 0 || seconds > maxSeconds) throw invalid(`${field}.${name}`, `must be at most ${maxSeconds}`)
  }
  if (probe.failureThreshold < 0) throw invalid(`${field}.failure_threshold`, 'must be at least 1')
  if ((probe.timeoutSeconds || 1) > (probe.periodSeconds || 10)) {
    throw invalid(`${field}.timeout_seconds`, 'must not be greater than period_seconds')
  }
  if (field === 'startup_probe' && (probe.failureThreshold || 3) * (probe.periodSeconds || 10) > maxSeconds) {
    throw invalid(field, `failure_threshold * period_seconds must be at most ${maxSeconds}`)
  }
}

function refuseUnsupported(container: Container): void {
  if (container.volumeMounts.length > 0) throw notEmulated('Container.volumeMounts')
  if (container.workingDir !== '') throw notEmulated('Container.workingDir')
  if (container.dependsOn.length > 0) throw notEmulated('Container.dependsOn')
  if (container.readinessProbe) throw notEmulated('Container.readinessProbe')
}

function invalid(field: string, description: string): GoogleError {
  const path = `template.containers[0].${field}`
  return new GoogleError('INVALID_ARGUMENT', `${path}: ${description}`, { location: path })
}
