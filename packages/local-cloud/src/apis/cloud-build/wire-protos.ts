/**
 * The part of google.devtools.cloudbuild.v1 in the response of SubmitBuild
 * (https://cloud.google.com/build/docs/api/reference/rpc/google.devtools.cloudbuild.v1): none
 * of imagery's clients has these protos.
 */
export const CLOUD_BUILD_PROTOS = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: { Timestamp: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } } },
        },
        devtools: {
          nested: {
            cloudbuild: {
              nested: {
                v1: {
                  nested: {
                    BuildOperationMetadata: { fields: { build: { type: 'Build', id: 1 } } },
                    Build: {
                      fields: {
                        id: { type: 'string', id: 1 },
                        status: { type: 'Status', id: 2 },
                        createTime: { type: 'google.protobuf.Timestamp', id: 6 },
                        images: { rule: 'repeated', type: 'string', id: 13 },
                        projectId: { type: 'string', id: 16 },
                        logsBucket: { type: 'string', id: 19 },
                        logUrl: { type: 'string', id: 25 },
                        tags: { rule: 'repeated', type: 'string', id: 31 },
                        serviceAccount: { type: 'string', id: 42 },
                        name: { type: 'string', id: 45 },
                      },
                      nested: {
                        Status: {
                          values: {
                            STATUS_UNKNOWN: 0,
                            QUEUED: 1,
                            WORKING: 2,
                            SUCCESS: 3,
                            FAILURE: 4,
                            INTERNAL_ERROR: 5,
                            TIMEOUT: 6,
                            CANCELLED: 7,
                            EXPIRED: 9,
                            PENDING: 10,
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
}
