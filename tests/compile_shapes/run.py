#!/usr/bin/env python3
import argparse, os, resource, subprocess, sys, tempfile, time, math, pathlib
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from shapes import SHAPES
def run(compiler, wasm, timeout, extra):
    with tempfile.TemporaryDirectory(dir="/tmp/bombs") as work:
        path=f"{work}/m.wasm"; open(path,"wb").write(wasm)
        out=open(f"{work}/out","wb")
        pid=subprocess.Popen(["timeout","-s","KILL",str(timeout),compiler,"compile","--profile","wasi","--no-reuse","--cache-dir",f"{work}/c",*extra,path],stdout=out,stderr=out)
        _,status,usage=os.wait4(pid.pid,0)
        text=open(f"{work}/out").read()
        return os.waitstatus_to_exitcode(status),usage.ru_utime+usage.ru_stime,usage.ru_maxrss/1024,text
ap=argparse.ArgumentParser(); ap.add_argument("--compiler",default="build/bin/guardc-compiler"); ap.add_argument("--scale",type=float,default=1); ap.add_argument("--timeout",type=float,default=120); ap.add_argument("only",nargs="*"); ap.add_argument("--extra",default="")
a=ap.parse_args()
for name,shape in SHAPES.items():
    if a.only and not any(o in name for o in a.only): continue
    n=max(1,int(shape.large*a.scale)); w=shape.make(n)
    rc,cpu,rss,text=run(a.compiler,w,a.timeout,a.extra.split())
    mb=len(w)/1e6
    bad="OK" if cpu<=1+40*mb and rss<=100+500*mb else "BAD"
    print(f"{name:32} n={n:8} {mb:8.3f}MB {cpu:7.2f}s {rss:6.0f}MB {cpu/mb:8.1f}s/MB {(cpu/(1+40*mb)):6.2f} {rss/(100+500*mb):6.2f} {bad} {'' if rc==0 else str(rc)+' '+text[-150:].strip()}",flush=True)
