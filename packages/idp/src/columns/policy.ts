import { type Policy, parseDuration } from '@rekey/keyring'
import type { ColumnSettings } from '../config/columns.ts'

/** As long as a duration can be. */
const longestMs = parseDuration('99999d')

/** How the keys of encrypted columns rotate. Nobody but our instances needs them, and what they sealed has no end of its own. */
export function columnPolicy({ rotateEveryMs, backupsKeptMs, escrowForMs }: ColumnSettings): Policy {
  return {
    rotateEveryMs,
    verifierPatienceMs: null,
    anonymousPropagationMs: 0,
    jwksMaxAgeMs: 0,
    maxTokenTtlMs: 0,
    skewMs: 0,
    maxGraceMs: longestMs,
    rollbackWindowMs: 0,
    backupsKeptMs,
    escrowForMs,
  }
}
