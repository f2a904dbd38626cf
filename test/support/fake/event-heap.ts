/** Something a clock will call back. */
export interface ClockEvent {
  readonly atMs: number
  /** Decides between events of the same moment. */
  readonly order: number
  readonly callback: () => void
  /** Where it is in its heap; -1: in none. */
  place: number
}

/** A binary heap of events, the earliest first, from whose middle an event can be taken. */
export class EventHeap {
  readonly #events: ClockEvent[] = []

  static isBefore(one: ClockEvent, other: ClockEvent): boolean {
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
  }

  get size(): number {
    return this.#events.length
  }

  get first(): ClockEvent | undefined {
    return this.#events[0]
  }

  push(event: ClockEvent): void {
    this.#events.push(event)
    this.#rise(event, this.#events.length - 1)
  }

  pop(): ClockEvent | undefined {
    const { first } = this
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Takes the event out; harmless when it is not in the heap any more. */
  remove(event: ClockEvent): void {
    const { place } = event
    if (place < 0) return
    event.place = -1
    const last = this.#events.pop()
    if (last === undefined || last === event) return
    this.#rise(last, place)
    if (last.place === place) this.#sink(last, place)
  }

  #rise(event: ClockEvent, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#events[above]
      if (parent === undefined || !EventHeap.isBefore(event, parent)) break
      this.#put(parent, place)
      place = above
    }
    this.#put(event, place)
  }

  #sink(event: ClockEvent, from: number): void {
    let place = from
    for (;;) {
      const below = this.#earlierChild(place)
      if (below === undefined || !EventHeap.isBefore(below, event)) break
      const next = below.place
      this.#put(below, place)
      place = next
    }
    this.#put(event, place)
  }

  #earlierChild(place: number): ClockEvent | undefined {
    const left = this.#events[2 * place + 1]
    const right = this.#events[2 * place + 2]
    if (left === undefined || right === undefined) return left
    return EventHeap.isBefore(right, left) ? right : left
  }

  #put(event: ClockEvent, place: number): void {
    this.#events[place] = event
    event.place = place
  }
}
