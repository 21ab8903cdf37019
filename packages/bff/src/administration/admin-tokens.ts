import { createHash, timingSafeEqual } from 'node:crypto'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import { adminTokensIn } from '../config/administration.ts'
import type { SecretSource } from '../config/source.ts'

/** The tokens that may do everything, as they are given now. */
export interface AdminTokens {
  isOne(token: string): boolean
  close(): Promise<void>
}

/** A file that changes is read again within a second. One that holds no tokens leaves in force what it held before. */
export function adminTokens(source: SecretSource | undefined, log: Pick<Logger, 'warn' | 'info'>): AdminTokens {
  if (!source) return { isOne: () => false, close: async () => undefined }
  const read = () => adminTokensIn(source).map(hashOf)
  let hashes = read()
  const take = () => {
    hashes = read()
    log.info({ accepted: hashes.length }, `${source.name} was changed`)
  }
  const close = source.watch(take, { every, warn: (message) => log.warn(message) })
  // All of them are compared, each as a hash: how long it takes says nothing about any of them.
  const isOne = (token: string) => {
    const presented = hashOf(token)
    return hashes.filter((hash) => timingSafeEqual(hash, presented)).length > 0
  }
  return { isOne, close }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
