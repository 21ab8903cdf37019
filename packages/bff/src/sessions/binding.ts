/**
 * A session is bound to the network and the browser that it began in. Neither is stored: only a MAC by the version of keyring
 * `session` that sealed the cookie.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Bond } from '../config/sessions.ts'
import type { SealingKeyring } from '../keyrings/held.ts'
import { networkOf } from './network.ts'

export type Sender = Pick<FastifyRequest, 'ip' | 'headers'>

const macBytes = 32
const bonds: readonly Bond[] = ['network', 'user-agent']

/** @returns nothing for a version that is not accepted */
export function bindingOf(keyring: SealingKeyring, sender: Sender, version: string): Buffer | undefined {
  const macs = bonds.map((bond) => keyring.mac(`session ${bond}`, told(sender, bond), version))
  return macs.every((mac) => mac !== undefined) ? Buffer.concat(macs) : undefined
}

/** By what the sender differs from whoever a session is bound to; nothing where that is the same. */
export function differenceIn(bound: Buffer, sent: Buffer, required: readonly Bond[]): Bond | undefined {
  return bonds.find((bond, n) => required.includes(bond) && !timingSafeEqual(part(bound, n), part(sent, n)))
}

export const userAgentOf = ({ headers }: Sender): string => headers['user-agent'] ?? ''

function told(sender: Sender, bond: Bond): string {
  return bond === 'network' ? networkOf(sender.ip) : userAgentOf(sender)
}

/** What is not as long as two MACs was written by nobody of us, and equals nothing. */
function part(binding: Buffer, n: number): Buffer {
  const mac = Buffer.alloc(macBytes)
  binding.copy(mac, 0, n * macBytes, (n + 1) * macBytes)
  return mac
}
