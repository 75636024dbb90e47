/**
 * A map that holds the `most` keys set last, more or less, so that no number of callers fills the memory.
 *
 * In two halves: when the younger is full it becomes the older, whose keys are forgotten. (Deleting a Map's first key
 * each time would cost a walk over all those deleted before it.)
 */
export class Recent {
  constructor(most) {
    this.half = most / 2;
    this.younger = new Map();
    this.older = new Map();
  }

  get(key) {
    return this.younger.get(key) ?? this.older.get(key);
  }

  set(key, value) {
    this.younger.set(key, value);
    if (this.younger.size < this.half) return;
    this.older = this.younger;
    this.younger = new Map();
  }

  delete(key) {
    this.younger.delete(key);
    this.older.delete(key);
  }
}
