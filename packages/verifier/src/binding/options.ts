import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import { PUBLIC_KEY_ALGORITHMS } from '../jws/algorithms.ts'
import { assertAlgorithms } from '../jws/verify.ts'
import { assertKnown, type OptionNames } from '../known-options.ts'
import { Nonces } from './nonces.ts'

const SECRET_BYTES = 32

/** What is accepted as a DPoP proof (RFC 9449). All times are milliseconds. */
export interface DpopOptions {
  /** Asymmetric algorithms only. Default: ES*, PS*, RS*, EdDSA and Ed25519. */
  readonly algorithms?: readonly string[]
  /** How old a proof may be. Default 60,000. */
  readonly maxAgeMs?: number
  /** How far in the future a proof may have been made. Default 5,000. */
  readonly maxAheadMs?: number
  /** How far the clocks of clients may be off beyond that, in either direction. Default 0. */
  readonly clockToleranceMs?: number
  /** Proofs need a nonce of this server (RFC 9449 §9). Default: they need none. */
  readonly nonces?: NonceOptions
  /**
   * How many proofs are remembered, each until it is too old, so that none is used twice. When all are in use, further
   * proofs are refused with `proof_memory_full` rather than one forgotten. Default 100,000: about 1,500 requests a
   * second, in about 10 MB. Each process remembers its own: between replicas a proof can be replayed until it is old.
   */
  readonly maxRemembered?: number
  /** Longest proof that is read, in characters. Default 8,192. */
  readonly maxLength?: number
}

/** Nonces for DPoP proofs; replicas that share the secrets accept each other's. */
export interface NonceOptions {
  /** At least 32 bytes each, the newest first. Default: one of this process alone. */
  readonly secrets?: readonly (string | Uint8Array)[]
  /** How often a nonce is replaced, in milliseconds; it is good for at least that long and twice at most. Default 60,000. */
  readonly replacedEveryMs?: number
}

/** How tokens are held against their senders. */
export interface BindingOptions {
  readonly dpop?: DpopOptions
  /**
   * Refuses tokens that are not bound to their sender in this way. Default `null`: a token that is bound to nothing is
   * good for whoever has it; one that is bound is always held against its sender.
   */
  readonly requiredBinding?: 'dpop' | 'certificate' | 'either' | null
  /**
   * Takes the client's certificate from this header field (RFC 9440 `Client-Cert`, plain base64, or percent-encoded
   * PEM) instead of from the connection. Only where a proxy verifies the certificate, sets the field, removes it from
   * what clients send, and cannot be passed by: otherwise anybody may claim any certificate.
   */
  readonly dangerouslyTrustedCertificateHeader?: string
  readonly clock?: Clock
  /** Random bytes, for the secret of nonces. */
  readonly random?: (size: number) => Uint8Array
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new TypeError(`${name} must be a number of milliseconds, 0 or more`)
}

function count(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`${name} must be a whole number, 1 or more`)
}

function assertAsymmetric(algorithms: readonly string[]): readonly string[] {
  assertAlgorithms(algorithms)
  const isAsymmetric = (name: string): boolean => PUBLIC_KEY_ALGORITHMS.includes(name)
  if (algorithms.length > 0 && algorithms.every(isAsymmetric)) return [...algorithms]
  throw new TypeError('dpop.algorithms must name asymmetric algorithms only, and at least one')
}

function secretBytes(secret: unknown): Uint8Array {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (bytes instanceof Uint8Array && bytes.length >= SECRET_BYTES) return new Uint8Array(bytes)
  throw new TypeError(`each of dpop.nonces.secrets must have at least ${SECRET_BYTES} bytes`)
}

function checkedNonces(nonces: NonceOptions, clock: Clock, random: (size: number) => Uint8Array): Nonces {
  assertKnown('dpop.nonces', nonces, { secrets: true, replacedEveryMs: true })
  const { secrets = [random(SECRET_BYTES)], replacedEveryMs = 60_000 } = nonces
  if (!Array.isArray(secrets) || secrets.length === 0) throw new TypeError('dpop.nonces.secrets must be a list')
  return new Nonces(secrets.map(secretBytes), count('dpop.nonces.replacedEveryMs', replacedEveryMs), clock)
}

const DPOP_NAMES: OptionNames<DpopOptions> = {
  algorithms: true,
  maxAgeMs: true,
  maxAheadMs: true,
  clockToleranceMs: true,
  nonces: true,
  maxRemembered: true,
  maxLength: true,
}

/** The options of proofs, held against wrong use and with their defaults. */
export function checkedDpop({ dpop = {}, clock = systemClock, random = randomBytes }: BindingOptions) {
  assertKnown('dpop', dpop, DPOP_NAMES)
  const { algorithms = PUBLIC_KEY_ALGORITHMS, nonces } = dpop
  const toleranceMs = milliseconds('dpop.clockToleranceMs', dpop.clockToleranceMs ?? 0)
  return {
    algorithms: assertAsymmetric(algorithms),
    backMs: milliseconds('dpop.maxAgeMs', dpop.maxAgeMs ?? 60_000) + toleranceMs,
    aheadMs: milliseconds('dpop.maxAheadMs', dpop.maxAheadMs ?? 5_000) + toleranceMs,
    toleranceMs,
    nonces: nonces && checkedNonces(nonces, clock, random),
    maxRemembered: count('dpop.maxRemembered', dpop.maxRemembered ?? 100_000),
    maxLength: count('dpop.maxLength', dpop.maxLength ?? 8192),
    clock,
  }
}

const BINDINGS: readonly unknown[] = ['dpop', 'certificate', 'either', null]

const BINDING_NAMES: OptionNames<BindingOptions> = {
  dpop: true,
  requiredBinding: true,
  dangerouslyTrustedCertificateHeader: true,
  clock: true,
  random: true,
}

export function assertBinding(options: BindingOptions): void {
  assertKnown('a token binding', options, BINDING_NAMES)
  const { requiredBinding, dangerouslyTrustedCertificateHeader: header } = options
  if (requiredBinding !== undefined && !BINDINGS.includes(requiredBinding)) {
    throw new TypeError("requiredBinding must be 'dpop', 'certificate', 'either' or null")
  }
  if (header !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
    throw new TypeError('dangerouslyTrustedCertificateHeader must be the name of a header field')
  }
}
