import { beforeEach, expect, it, vi } from "vitest";
import { listen } from "./events";

class FakeSource {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  onopen?: () => void;
  onerror?: () => void;
  addEventListener = vi.fn();

  constructor() {
    FakeSource.all.push(this);
  }

  refuse(): void {
    this.readyState = FakeSource.CLOSED;
    this.onerror!();
    vi.runAllTimers();
  }
}

const listener = { opened: vi.fn(), lost: vi.fn(), reset: vi.fn(), event: vi.fn() };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
});

it("everything is loaded once after several refusals", () => {
  listen(listener);
  FakeSource.all.at(-1)!.onopen!();
  expect(listener.reset).not.toHaveBeenCalled();
  for (let refusals = 0; refusals < 3; refusals++) FakeSource.all.at(-1)!.refuse();
  expect(FakeSource.all).toHaveLength(4);
  FakeSource.all.at(-1)!.onopen!();
  expect(listener.opened).toHaveBeenCalledTimes(2);
  expect(listener.reset).toHaveBeenCalledTimes(1);
});
