export { type Clock, systemClock } from './clock.ts'
export { type Decision, decide, type Step, type Waiting } from './decide/decide.ts'
export { type Evidence, type Held, type Instance, noEvidence, type Use, type Verifier } from './decide/evidence.ts'
export { issuanceGate, verifiersRefusing } from './decide/issuance.ts'
export { KeyringError, type KeyringErrorCode } from './error.ts'
export { encryptionKey, encryptionKeyId, makeEncryptionKey } from './kinds/encryption-key.ts'
export type { ClientKind, Gate, InstanceKind, Kind } from './kinds/kind.ts'
export { makeSalt, salt } from './kinds/salt.ts'
export { makeSealingKey, sealingKey } from './kinds/sealing-key.ts'
export { makeSharedSecret, sharedSecret } from './kinds/shared-secret.ts'
export { signingKey } from './kinds/signing-key.ts'
export { kinds } from './kinds/table.ts'
export { closeKeyring, isClosed, succeed } from './lifecycle/client.ts'
export {
  activeVersion,
  type ClientKeyring,
  type ClientKindName,
  type InstanceKindName,
  isKeyringName,
  type Keyring,
  type KindName,
  newClientKeyring,
  newKeyring,
  type RotationRequest,
  stamp,
  standbyVersion,
  versionOf,
} from './lifecycle/keyring.ts'
export {
  acceptFormer,
  activate,
  adoptPolicy,
  discard,
  erasePrivate,
  markDemoted,
  markServed,
  prepare,
  requestRevocation,
  requestRotation,
  retire,
  revoke,
  rollBack,
} from './lifecycle/transition.ts'
export {
  type ClientMaterial,
  endOf,
  isAccepted,
  isAcceptedAt,
  type Material,
  type Revocation,
  type State,
  type Version,
} from './lifecycle/version.ts'
export { carryOut, type Hands, type HandsOrEyes } from './loop/carry-out.ts'
export { changeKeyring, unknownKeyring } from './loop/change.ts'
export { ensureKeyring, requestForcedRotation } from './loop/ensure.ts'
export { type Loop, startLoop } from './loop/run.ts'
export type { AnyPolicy, ClientPolicy } from './policy/client.ts'
export { formatDuration, parseDuration } from './policy/duration.ts'
export { backupsKeptOf, escrowOf, escrowOfRevoked } from './policy/encryption.ts'
export { checkPolicy, defaultPolicy, type Policy } from './policy/signing.ts'
export { directoryStore } from './stores/directory.ts'
export { holdersOf } from './stores/holders.ts'
export { memoryStore } from './stores/memory.ts'
export { type Outbox, type OutboxEntry, outboxOf } from './stores/outbox.ts'
export { type Change, type KeyringStore, type LoopStore, nextDecisionAt } from './stores/store.ts'
