// Room: at a desk, on a phone, and where the page cannot load.
import assert from "node:assert/strict";
import { answered, boxes, button, eventually, PLAIN, ready, scenario, servers } from "./driver.mjs";
import { ASKING, field, needed, unlock } from "./credentials.mjs";

const opensNarrow = async (page) => {
  await button(page, "Show Examples").click();
  await page.getByRole("button", { name: /What is failing/ }).click();
  const { connections } = await answered(page);
  assert(connections.nodes.length > 0);
};
scenario("in a narrow window the examples give way to the one that is opened", opensNarrow, {
  viewport: { width: 400, height: 750 },
});

const scrollsWithin = async (page) => {
  const panel = page.locator(".graphiql-plugin");
  await panel.hover();
  const isAtItsEnd = ({ clientHeight, scrollHeight, scrollTop }) =>
    scrollHeight > clientHeight && scrollTop + clientHeight >= scrollHeight - 1;
  const turn = async () => {
    await page.mouse.wheel(0, 400);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  };
  await eventually(async () => {
    await turn();
    assert(await panel.evaluate(isAtItsEnd));
  });
  for (let beyond = 0; beyond < 10; beyond++) await turn();
  assert.equal(await page.evaluate(() => scrollY), 0);
};
scenario("in a low window the wheel moves the examples and never the page", scrollsWithin, {
  viewport: { width: 1024, height: 600 },
});

const hasRoom = async (page) => {
  await answered(page);
  const [panel, editor, response] = await boxes(
    page.locator(".graphiql-plugin"),
    page.locator(".graphiql-query-editor .monaco-editor"),
    page.locator(".graphiql-response .monaco-editor"),
  );
  assert(panel.width >= 240, "the panel is too narrow");
  assert(editor.width >= 480 && editor.height >= 600, JSON.stringify(editor));
  assert(response.width >= 440 && response.height >= 600, JSON.stringify(response));
  const [status] = await boxes(page.locator(".chitty-status"));
  assert(status.y + status.height <= 800);
  const wide = page.getByRole("separator", { name: "Size of the editors" });
  await wide.focus();
  await page.keyboard.press("ArrowRight");
  await eventually(async () => {
    const [wider] = await boxes(page.locator(".graphiql-query-editor .monaco-editor"));
    assert(wider.width > editor.width + 20, "the keyboard does not move the border");
  });
};
scenario("at 1280 pixels there is room for the editor beside a panel and a response", hasRoom, {
  viewport: { width: 1280, height: 800 },
});

const fits = async (page) => {
  await needed(page);
  await eventually(async () => {
    const [asking] = await boxes(field(page));
    assert(asking.width >= 100, "the field is too small for what it asks");
  });
  await unlock(page, servers.told);
  await eventually(() => isInPlace(page));
};

async function isInPlace(page) {
  const [name, input] = await boxes(page.locator(".chitty-name"), field(page));
  assert(Math.abs(name.y + name.height / 2 - input.y - input.height / 2) < 4, "the credential is not beside the name");
  const tools = ["Variables", "Headers"].map((name) => page.getByRole("tab", { name }));
  const [editors, ...others] = await boxes(page.locator(".graphiql-editors"), ...tools);
  for (const { y, height } of others) assert(y + height <= editors.y + editors.height + 1, "a button is cut");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
}
const shortcutsFit = async (page) => {
  await button(page, "Keyboard shortcuts").click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  const [frame] = await boxes(dialog);
  for (const line of await dialog.locator(".chitty-keys dd").all()) {
    const right = await line.evaluate((dd) => {
      const range = document.createRange();
      range.selectNodeContents(dd);
      return range.getBoundingClientRect().right;
    });
    assert(right <= frame.x + frame.width - 8, `"${await line.innerText()}" is cut`);
  }
};
scenario("the shortcuts fit a phone", shortcutsFit, { viewport: { width: 390, height: 844 } });

scenario("everything fits a phone", fits, { ...servers.told, ...ASKING, viewport: { width: 375, height: 667 } });
scenario("everything fits a small phone", fits, { ...servers.told, ...ASKING, viewport: { width: 320, height: 568 } });

// Browsers heed the policy on this machine, and put an error on the console where a name is plain.
const isApart = async (page) => {
  const answer = await page.reload();
  assert.equal((await answer.allHeaders())["cross-origin-opener-policy"], "same-origin");
};
scenario("on this machine the page is apart from windows that open it", isApart);
if (servers.told) {
  scenario("over plain HTTP the page opens without an error on the console", (page) => unlock(page, servers.told), {
    ...ASKING,
    url: servers.told.url.replace("127.0.0.1", PLAIN),
  });
}

const saysSo = async (page) => {
  await page.getByText("its files could not be loaded").waitFor();
  await page.unroute(/\.js$/);
  await page.reload();
  await ready(page);
  assert.equal(await page.getByText("its files could not be loaded").count(), 0);
};
scenario("a page whose script is lost says so until it is loaded again", saysSo, {
  lost: /\.js$/,
  opened: (page) => page.waitForLoadState(),
  expected: /Failed to load resource/,
});

const saysItIsOff = async (page) => {
  await page.getByRole("heading", { name: "The page for browsers is switched off" }).waitFor();
  await page.getByText("CHITTYGRAPH_GRAPHIQL=true").waitFor();
  await page.getByText("401: send a credential").waitFor();
};
scenario("where the page is off, a browser is told how to switch it on", saysItIsOff, {
  ...servers.off,
  ...ASKING,
  opened: (page) => page.waitForLoadState(),
});
