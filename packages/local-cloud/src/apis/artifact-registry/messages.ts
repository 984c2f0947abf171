import type { EnumType, Field, MessageType } from '../../kernel/proto-json.ts'

const PACKAGE = 'google.devtools.artifactregistry.v1'

const string: Field = { type: 'string' }
const strings: Field = { type: 'string', kind: 'repeated' }
const bool: Field = { type: 'bool' }
const refused: Field = { type: 'value', isRefused: true }

/** An enum by its numbers, which clients may send in place of its names. */
function enumType(name: string, numbers: Record<number, string>): EnumType {
  return { name: `${PACKAGE}.${name}`, values: Object.values(numbers), numbers }
}

const FORMAT = enumType('Repository.Format', {
  0: 'FORMAT_UNSPECIFIED',
  1: 'DOCKER',
  2: 'MAVEN',
  3: 'NPM',
  5: 'APT',
  6: 'YUM',
  8: 'PYTHON',
  9: 'KFP',
  10: 'GO',
  11: 'GENERIC',
  12: 'RUBY',
})

const MODE = enumType('Repository.Mode', {
  0: 'MODE_UNSPECIFIED',
  1: 'STANDARD_REPOSITORY',
  2: 'VIRTUAL_REPOSITORY',
  3: 'REMOTE_REPOSITORY',
  4: 'AOSS_REPOSITORY',
  5: 'ASSURED_OSS_REPOSITORY',
})

const CLEANUP_CONDITION: MessageType = {
  name: `${PACKAGE}.CleanupPolicyCondition`,
  fields: {
    tagState: {
      type: enumType('CleanupPolicyCondition.TagState', {
        0: 'TAG_STATE_UNSPECIFIED',
        1: 'TAGGED',
        2: 'UNTAGGED',
        3: 'ANY',
      }),
    },
    tagPrefixes: strings,
    versionNamePrefixes: strings,
    packageNamePrefixes: strings,
    olderThan: string,
    newerThan: string,
  },
}

const CLEANUP_POLICY: MessageType = {
  name: `${PACKAGE}.CleanupPolicy`,
  oneof: ['condition', 'mostRecentVersions'],
  fields: {
    id: string,
    action: { type: enumType('CleanupPolicy.Action', { 0: 'ACTION_UNSPECIFIED', 1: 'DELETE', 2: 'KEEP' }) },
    condition: { type: () => CLEANUP_CONDITION },
    mostRecentVersions: {
      type: () => ({
        name: `${PACKAGE}.CleanupPolicyMostRecentVersions`,
        fields: { packageNamePrefixes: strings, keepCount: { type: 'int32' } },
      }),
    },
  },
}

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories#Repository */
export const REPOSITORY: MessageType = {
  name: `${PACKAGE}.Repository`,
  fields: {
    name: string,
    format: { type: FORMAT },
    mode: { type: MODE },
    description: string,
    labels: { type: 'string', kind: 'map' },
    cleanupPolicies: { type: () => CLEANUP_POLICY, kind: 'map' },
    cleanupPolicyDryRun: bool,
    dockerConfig: {
      type: () => ({ name: `${PACKAGE}.Repository.DockerRepositoryConfig`, fields: { immutableTags: bool } }),
    },
    // Output only: accepted and ignored, as by Google.
    createTime: string,
    updateTime: string,
    sizeBytes: { type: 'int64' },
    satisfiesPzs: bool,
    satisfiesPzi: bool,
    registryUri: string,
    kmsKeyName: refused,
    mavenConfig: refused,
    virtualRepositoryConfig: refused,
    remoteRepositoryConfig: refused,
    vulnerabilityScanningConfig: refused,
    disallowUnspecifiedMode: bool,
    networkConfig: refused,
    platformLogsConfig: refused,
  },
}

export const BATCH_DELETE_VERSIONS: MessageType = {
  name: `${PACKAGE}.BatchDeleteVersionsRequest`,
  fields: { names: strings, validateOnly: bool },
}

const BINDING: MessageType = {
  name: 'google.iam.v1.Binding',
  fields: { role: string, members: strings, condition: { type: 'value' } },
}

const POLICY: MessageType = {
  name: 'google.iam.v1.Policy',
  fields: {
    version: { type: 'int32' },
    etag: { type: 'bytes' },
    bindings: { type: () => BINDING, kind: 'repeated' },
    auditConfigs: { type: 'value', kind: 'repeated' },
  },
}

export const SET_POLICY: MessageType = {
  name: 'google.iam.v1.SetIamPolicyRequest',
  fields: { resource: string, policy: { type: () => POLICY }, updateMask: refused },
}

export const TEST_PERMISSIONS: MessageType = {
  name: 'google.iam.v1.TestIamPermissionsRequest',
  fields: { resource: string, permissions: strings },
}
