"""The front end of Xylo Audio 2, stage by stage; `xylograph.hw.frontends` exports them."""
