// The fleet at a glance: one square a device or, of a large fleet, squares in proportion. Drawn once for every change.
export default {
  props: {
    label: String,
    groups: Array, // [name, states]: a letter a square, n w c l s
    ids: Array, // of each group, the devices' ids, or null where a square is no single device
  },
  template: `
    <div class="fleet-map" role="img" :aria-label="label" @click="open" @mousemove="hover" @mouseleave="tip = ''">
      <div v-for="([name, states], group) in groups" :key="name" class="fleet-group">
        <span class="fleet-name">{{ name }}</span>
        <canvas :ref="'canvas' + group"></canvas>
      </div>
      <span class="fleet-tip" aria-hidden="true">{{ tip }}</span>
    </div>`,
  data() {
    return { tip: "" };
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.$el);
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  },
  beforeUnmount() {
    this.observer.disconnect();
    this.theme.disconnect();
  },
  watch: {
    groups() {
      this.$nextTick(() => this.draw());
    },
  },
  methods: {
    columns(canvas) {
      return Math.max(1, Math.floor(canvas.parentElement.clientWidth / this.pitch()));
    },
    pitch() {
      const most = Math.max(...this.groups.map(([, states]) => states.length), 1);
      return most > 400 ? 9 : most > 120 ? 12 : 16;
    },
    draw() {
      const style = getComputedStyle(document.documentElement);
      const names = { n: "normal", w: "warning", c: "critical", l: "learning", s: "silent" };
      const colors = Object.fromEntries(
        Object.entries(names).map(([letter, name]) => [letter, style.getPropertyValue(`--${name}`).trim()]),
      );
      const pitch = this.pitch();
      const sharp = window.devicePixelRatio || 1;
      this.groups.forEach(([, states], group) => {
        const canvas = this.$refs["canvas" + group]?.[0];
        if (!canvas) return;
        const columns = this.columns(canvas);
        const height = Math.ceil(states.length / columns) * pitch;
        canvas.width = columns * pitch * sharp;
        canvas.height = height * sharp;
        canvas.style.width = `${columns * pitch}px`;
        canvas.style.height = `${height}px`;
        const pen = canvas.getContext("2d");
        pen.scale(sharp, sharp);
        for (let i = 0; i < states.length; i++) {
          pen.fillStyle = colors[states[i]];
          pen.globalAlpha = states[i] === "n" ? 0.42 : states[i] === "s" ? 0.5 : 1;
          pen.fillRect((i % columns) * pitch, Math.floor(i / columns) * pitch, pitch - 2, pitch - 2);
        }
      });
    },
    device(event) {
      const group = this.groups.findIndex((_, number) => this.$refs["canvas" + number]?.[0] === event.target);
      if (group < 0 || !this.ids?.[group]) return null;
      const column = Math.floor(event.offsetX / this.pitch());
      const columns = this.columns(event.target);
      const place = Math.floor(event.offsetY / this.pitch()) * columns + column;
      return column < columns ? (this.ids[group][place] ?? null) : null;
    },
    hover(event) {
      const id = this.device(event);
      this.tip = id ?? "";
      event.target.style.cursor = id ? "pointer" : "";
    },
    open(event) {
      const id = this.device(event);
      if (id) location.href = "/devices/" + encodeURIComponent(id);
    },
  },
};
