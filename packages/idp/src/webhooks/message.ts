import type { ChainedEvent } from '@rekey/database'

/** What is sent of an event. Its place in the chain (`seq`) tells a receiver in which order things happened. */
export function bodyOf(text: string): string {
  const { action, at, previousHash: _, ...data } = JSON.parse(text) as ChainedEvent
  return JSON.stringify({ type: action, timestamp: at, data })
}

/** By which a receiver knows a message again: the same at every attempt, and when it is delivered anew. */
export const messageId = (deliveryId: string): string => `msg_${deliveryId.replaceAll('-', '')}`
