import type { SupportEntry } from '../../kernel/support.ts'

/** The emulated Pub/Sub against https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'Publisher.CreateTopic',
    state: 'partly',
    note: 'Labels, retention and storage regions are checked and stored. Refused by name: kmsKeyName, schemaSettings, ingestionDataSourceSettings, messageTransforms, tags.',
  },
  { method: 'Publisher.GetTopic', state: 'yes', note: '' },
  {
    method: 'Publisher.UpdateTopic',
    state: 'partly',
    note: 'Masks name whole fields; a path into a field is refused. Same fields as CreateTopic.',
  },
  { method: 'Publisher.ListTopics', state: 'yes', note: 'Pages of 100 by default, at most 1,000.' },
  { method: 'Publisher.DeleteTopic', state: 'yes', note: 'Subscriptions stay, with the topic _deleted-topic_.' },
  { method: 'Publisher.ListTopicSubscriptions', state: 'yes', note: '' },
  { method: 'Publisher.ListTopicSnapshots', state: 'no', note: 'There are no snapshots.' },
  {
    method: 'Publisher.Publish',
    state: 'yes',
    note: 'All limits of requests and messages; no throughput quotas.',
  },
  { method: 'Publisher.DetachSubscription', state: 'yes', note: '' },
  {
    method: 'Subscriber.CreateSubscription',
    state: 'partly',
    note: 'Push and pull. expirationPolicy is stored, but nothing expires. Plain http endpoints are accepted for loopback addresses only. Refused by name: filter, enableExactlyOnceDelivery, retainAckedMessages, noWrapper, the v1beta1 format, bigqueryConfig, cloudStorageConfig, bigtableConfig, messageTransforms, tags. The 10,000 subscriptions per topic and per project are not enforced.',
  },
  { method: 'Subscriber.GetSubscription', state: 'yes', note: '' },
  {
    method: 'Subscriber.UpdateSubscription',
    state: 'partly',
    note: 'Masks name whole fields; a path into a field is refused. Same fields as CreateSubscription.',
  },
  { method: 'Subscriber.ListSubscriptions', state: 'yes', note: 'Pages of 100 by default, at most 1,000.' },
  { method: 'Subscriber.DeleteSubscription', state: 'yes', note: '' },
  { method: 'Subscriber.ModifyPushConfig', state: 'yes', note: '' },
  {
    method: 'Subscriber.Pull',
    state: 'yes',
    note: 'Waits up to 10 s for the first message. An ordering key has one outstanding message at a time.',
  },
  { method: 'Subscriber.Acknowledge', state: 'yes', note: '' },
  { method: 'Subscriber.ModifyAckDeadline', state: 'yes', note: '' },
  {
    method: 'Subscriber.StreamingPull',
    state: 'no',
    note: 'In the Node client, subscription.on("message") does not work.',
  },
  { method: 'Subscriber.Seek', state: 'no', note: '' },
  { method: 'Subscriber.CreateSnapshot', state: 'no', note: '' },
  { method: 'Subscriber.GetSnapshot', state: 'no', note: '' },
  { method: 'Subscriber.ListSnapshots', state: 'no', note: '' },
  { method: 'Subscriber.UpdateSnapshot', state: 'no', note: '' },
  { method: 'Subscriber.DeleteSnapshot', state: 'no', note: '' },
  { method: 'SchemaService', state: 'no', note: '' },
  ...['GetIamPolicy', 'SetIamPolicy', 'TestIamPermissions'].map((name): SupportEntry => ({
    method: `google.iam.v1.IAMPolicy.${name}`,
    state: 'partly',
    note: 'On topics: predefined roles without conditions. On subscriptions, snapshots and schemas it is refused.',
  })),
  {
    method: 'Push delivery',
    state: 'partly',
    note: 'The wrapped envelope, OIDC tokens, ack deadline as HTTP timeout, retry policy, ordering, a push window and push back-off. Google documents the shape of the last two, not every constant: the window starts at 3, grows by 1 per success and halves per failure; the pause doubles per failed round and halves per success.',
  },
  {
    method: 'Dead-letter topics',
    state: 'partly',
    note: "Forwarded with four attributes after exactly maxDeliveryAttempts; Google does this on a best-effort basis. The service agent's permissions are not checked.",
  },
]
