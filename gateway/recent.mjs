/**
 * A map that holds the `most` keys set last, more or less, so that no number of callers fills the memory. Where
 * keys weigh differently, each is set once, with its weight, and never deleted; `most` is then what all may weigh.
 *
 * In two halves: when the younger is full it becomes the older, whose keys are forgotten. (Deleting a Map's first key
 * each time would cost a walk over all those deleted before it.)
 */
export class Recent {
  constructor(most) {
    this.half = most / 2;
    this.younger = new Map();
    this.older = new Map();
    this.weight = 0;
  }

  get(key) {
    return this.younger.get(key) ?? this.older.get(key);
  }

  set(key, value, weight = this.younger.has(key) ? 0 : 1) {
    this.younger.set(key, value);
    this.weight += weight;
    if (this.weight < this.half) return;
    this.older = this.younger;
    this.younger = new Map();
    this.weight = 0;
  }

  delete(key) {
    if (this.younger.delete(key)) this.weight -= 1;
    this.older.delete(key);
  }
}
